//! Files out of a reply: fenced blocks that name their path, or one JSON value.

use serde_json::Value;

use crate::domain::pipeline::ReplyForm;
use crate::pipelines::glob::{fits, is_plain};
use crate::pipelines::setup::OpenAiSpec;
use crate::pipelines::{AgentInputs, OutputFile, modelled, schema};

/// The shortest row of backticks that begins a block.
const FENCE_MIN: usize = 3;

/// The files of a reply, or everything that is wrong with it, each as one sentence.
pub(super) fn read(
    reply: &str,
    spec: &OpenAiSpec,
    inputs: &AgentInputs,
) -> Result<Vec<OutputFile>, Vec<String>> {
    let files = match spec.reply {
        ReplyForm::Files => blocks(reply)?,
        ReplyForm::Json => vec![json(reply, spec).map_err(|wrong| vec![wrong])?],
    };
    let mut wrong = Vec::new();
    for pattern in &spec.outputs {
        if is_plain(pattern) && files.iter().all(|file| file.path != *pattern) {
            wrong.push(format!("the file {pattern} was not written"));
        } else if files.iter().all(|file| !fits(pattern, &file.path)) {
            wrong.push(format!("no file that fits {pattern} was written"));
        }
    }
    for file in &files {
        if spec.outputs.iter().all(|pattern| !fits(pattern, &file.path)) {
            wrong.push(format!("{} fits none of the outputs {}", file.path, spec.outputs.join(", ")));
        }
        if spec.stands_for.is_none()
            && file.path.ends_with(".json")
            && let Err(error) = serde_json::from_slice::<Value>(&file.bytes)
        {
            wrong.push(format!("{} is not JSON: {error}", file.path));
        }
    }
    if let Some(agent) = &spec.stands_for {
        wrong.extend(modelled::check(agent, inputs, &files));
    }
    if wrong.is_empty() { Ok(files) } else { Err(wrong) }
}

/// Every fenced block that names a path.
fn blocks(reply: &str) -> Result<Vec<OutputFile>, Vec<String>> {
    let mut files: Vec<OutputFile> = Vec::new();
    let mut open: Option<(usize, Option<String>, String)> = None;
    for line in reply.split_inclusive('\n') {
        let text = line.trim_end();
        let fence = text.bytes().take_while(|byte| *byte == b'`').count();
        match &mut open {
            Some((length, path, content)) => {
                if fence >= *length && text.len() == fence {
                    if let Some(path) = path.take() {
                        files.retain(|known| known.path != path);
                        files.push(OutputFile::text(path, std::mem::take(content)));
                    }
                    open = None;
                } else {
                    content.push_str(line);
                }
            }
            None if fence >= FENCE_MIN => open = Some((fence, path_of(&text[fence..]), String::new())),
            None => {}
        }
    }
    match open {
        Some((_, Some(path), _)) => Err(vec![format!("the block of {path} is not closed")]),
        _ if files.is_empty() => {
            Err(vec!["the reply has no file: each is a fenced block that begins with file path=…".to_owned()])
        }
        _ => Ok(files),
    }
}

/// `file path=a/b.txt`, also behind the name of a language, with or without quotes.
fn path_of(info: &str) -> Option<String> {
    let at = info.find("path=").or_else(|| info.find("file="))?;
    let value = &info[at + "path=".len()..];
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    let path = value.strip_prefix("./").unwrap_or(value);
    (!path.is_empty()).then(|| path.to_owned())
}

/// The one JSON value of a reply, which a model may have put into a fence against its orders.
fn json(reply: &str, spec: &OpenAiSpec) -> Result<OutputFile, String> {
    let mut text = reply.trim();
    if let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.trim_end().strip_suffix("```")) {
        text = inner.split_once('\n').map_or(inner, |(_, body)| body);
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("the reply is not JSON: {error}"))?;
    if let Some(schema) = &spec.schema {
        schema::validate(&value, schema).map_err(|error| {
            format!("the reply breaks its schema: {}", error.replacen("the record", "the value", 1))
        })?;
    }
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    Ok(OutputFile { path: spec.outputs.first().cloned().unwrap_or_default(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(reply: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        blocks(reply).map(|files| {
            files.into_iter().map(|file| (file.path, String::from_utf8(file.bytes).unwrap())).collect()
        })
    }

    #[test]
    fn blocks_become_files() {
        let one = |path: &str, text: &str| Ok(vec![(path.to_owned(), text.to_owned())]);
        for (reply, expected) in [
            ("``````file path=a.txt\nx\n``````\n", one("a.txt", "x\n")),
            (
                "Sure!\n```js file path=\"src/a b.js\"\nlet x = `y`;\n```\nDone.",
                one("src/a b.js", "let x = `y`;\n"),
            ),
            ("````file path=./a.md\n```js\nx\n```\n````", one("a.md", "```js\nx\n```\n")),
            ("```\nno path\n```\n```file path=a\n```\n", one("a", "")),
            ("```file path=a\n1\n```\n```file path=a\n2\n```\n", one("a", "2\n")),
            ("```file path=a\r\nx\r\n```\r\n", one("a", "x\r\n")),
        ] {
            assert_eq!(parse(reply), expected, "{reply:?}");
        }
        assert_eq!(parse("```file path=a\nx").unwrap_err(), ["the block of a is not closed"]);
        assert!(parse("nothing").unwrap_err()[0].contains("no file"));
    }
}
