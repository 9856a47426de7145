//! What a program that makes pictures is called: `python3 draw.py` is draw.py, for python3 makes none.

use std::path::Path;

/// Programs that carry out another one, without the number of their version.
const CARRIERS: &[&str] = &[
    "ash", "bash", "bun", "dash", "deno", "env", "java", "ksh", "lua", "nice", "node", "nohup", "perl",
    "php", "pypy", "python", "pythonw", "Rscript", "ruby", "sh", "stdbuf", "timeout", "uv", "zsh",
];
/// Their words for "carry out", which are no names.
const VERBS: &[&str] = &["run", "exec"];

/// The name of the program that does the work; none when its text stands in the command itself.
pub(super) fn name(command: &[String]) -> Option<String> {
    let mut words = command.iter().map(String::as_str);
    let mut name = file_name(words.next()?)?;
    while is_carrier(&name) {
        name = carried(&mut words)?;
    }
    Some(name)
}

/// What a carrier is given to carry out.
fn carried<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    while let Some(word) = words.next() {
        match word {
            // A module is named as it is.
            "-m" | "--module" | "-jar" => return words.next().and_then(file_name),
            _ if is_text(word) => return None,
            _ if word.starts_with('-') || word.contains('=') || VERBS.contains(&word) => {}
            // How long, how nice.
            _ if word.starts_with(|letter: char| letter.is_ascii_digit()) => {}
            _ => return file_name(word),
        }
    }
    None
}

/// Whether what follows is a program's text: `-c`, `-lc`, `-e`, `--eval`.
fn is_text(word: &str) -> bool {
    let short = word.strip_prefix('-').is_some_and(|letters| {
        !letters.is_empty() && letters.len() <= 4 && letters.bytes().all(|letter| letter.is_ascii_lowercase())
    });
    (short && word.ends_with(['c', 'e'])) || matches!(word, "--eval" | "--command" | "eval")
}

fn is_carrier(name: &str) -> bool {
    let bare = name.strip_suffix(".exe").unwrap_or(name);
    let bare = bare.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    CARRIERS.contains(&bare)
}

fn file_name(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_makes_the_picture_is_named_and_not_who_carries_it_out() {
        for (command, expected) in [
            (&["/usr/bin/draw", "--fast"][..], Some("draw")),
            (&["python3", "/etc/callboard/draw.py", "--model", "x"], Some("draw.py")),
            (&["/usr/bin/python3.12", "-u", "-m", "diffusers.cli", "x"], Some("diffusers.cli")),
            (&["sh", "./make.sh"], Some("make.sh")),
            (&["sh", "-c", "cp a.png image.png", "x"], None),
            (&["bash", "-lc", "draw"], None),
            (&["env", "A=1", "nice", "-n", "5", "python3", "draw.py"], Some("draw.py")),
            (&["timeout", "60", "draw"], Some("draw")),
            (&["uv", "run", "draw.py"], Some("draw.py")),
            (&["node", "-e", "1"], None),
            (&["python3"], None),
            (&[], None),
        ] {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(name(&command).as_deref(), expected, "{command:?}");
        }
    }
}
