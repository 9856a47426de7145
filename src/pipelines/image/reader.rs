//! Agent 1: reads the prompt. Every word gets a role, or is listed as ignored.

use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::pipelines::image::vocabulary::{
    COLOURS, COUNTS, GROUNDS, JOINTS, LAYOUTS, MOODS, PLACES, RELIEFS, SIZES, SKIES, STUFFS, VIEWS, WEATHERS,
    find, find_thing,
};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// More things than this make no better picture, and a slow one.
pub const THINGS_MAX: usize = 24;
/// Longer prompts are refused.
pub const PROMPT_CHARS_MAX: usize = 2_000;

/// A prompt that was read: `prompt.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// As it was given.
    pub text: String,
    /// What it asks for, in its order.
    pub wishes: Vec<Wish>,
    /// Words for the ground, the relief, the hour, the weather, the mood and the view, each as it stands in its table.
    pub setting: Setting,
    /// Every word with what became of it.
    pub words: Vec<Word>,
}

/// One or several of a thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The word, as in the prompt.
    pub thing: String,
    /// How many.
    pub count: usize,
    /// Word for its colour.
    pub colour: Option<String>,
    /// Word for its stuff.
    pub stuff: Option<String>,
    /// Word for its size.
    pub size: Option<String>,
    /// Word for how they stand together.
    pub layout: Option<String>,
    /// Word for where they stand.
    pub place: Option<String>,
}

/// Words about the scene as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What is stood upon.
    pub ground: Option<String>,
    /// A colour or stuff of it.
    pub ground_look: Option<String>,
    /// What rises from it.
    pub reliefs: Vec<String>,
    /// Mountains are to bear snow.
    pub snowy_peaks: bool,
    /// The hour.
    pub sky: Option<String>,
    /// A colour of the sky.
    pub sky_colour: Option<String>,
    /// The weather.
    pub weathers: Vec<String>,
    /// The mood.
    pub moods: Vec<String>,
    /// Where the viewer stands.
    pub view: Option<String>,
}

/// A word of the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// The word.
    pub text: String,
    /// What it was taken for.
    pub role: Role,
}

/// What a word was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // each is its word
pub enum Role {
    Thing,
    Count,
    Colour,
    Stuff,
    Size,
    Layout,
    Place,
    Ground,
    Relief,
    Hour,
    Weather,
    Mood,
    View,
    Joint,
    Ignored,
}

impl Prompt {
    /// The words that were ignored, each once.
    pub fn ignored(&self) -> Vec<&str> {
        let mut ignored: Vec<&str> = Vec::new();
        for word in self.words.iter().filter(|word| word.role == Role::Ignored) {
            if !ignored.contains(&word.text.as_str()) {
                ignored.push(&word.text);
            }
        }
        ignored
    }

    /// Words that were understood, those that only join others left out.
    pub fn understood(&self) -> usize {
        self.words
            .iter()
            .filter(|word| !matches!(word.role, Role::Ignored | Role::Joint | Role::Count))
            .count()
    }
}

/// Whether a prompt can be drawn at all.
///
/// # Errors
/// When it is empty, too long, or nothing in it is known; the text says what is.
pub fn check_prompt(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("the prompt is empty; for example: three glass balls on a wooden table at sunset".into());
    }
    let length = text.chars().count();
    if length > PROMPT_CHARS_MAX {
        return Err(format!("the prompt has {length} characters; at most {PROMPT_CHARS_MAX} are allowed"));
    }
    if read(text).understood() == 0 {
        return Err("no word of the prompt is in the vocabulary of the image pipeline; for example: a red house by a \
                    lake, snowy mountains, golden evening light"
            .into());
    }
    Ok(())
}

/// The agent.
///
/// # Errors
/// When the prompt cannot be drawn.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    check_prompt(&inputs.brief).map_err(AgentError::failed)?;
    let prompt = read(&inputs.brief);
    let ignored = prompt.ignored();
    if !ignored.is_empty() {
        host.log(LogLevel::Warning, &format!("ignored, not in the vocabulary: {}", ignored.join(", ")));
    }
    for wish in &prompt.wishes {
        host.log(LogLevel::Info, &described(wish));
    }
    let words = prompt.words.len();
    let summary = format!(
        "{} of {words} words used, {} ignored",
        words - count_ignored(&prompt),
        count_ignored(&prompt)
    );
    let json =
        serde_json::to_string_pretty(&prompt).map_err(|error| AgentError::failed(error.to_string()))?;
    Ok(AgentOutput { files: vec![OutputFile::text("prompt.json", json + "\n")], summary })
}

fn count_ignored(prompt: &Prompt) -> usize {
    prompt.words.iter().filter(|word| word.role == Role::Ignored).count()
}

fn described(wish: &Wish) -> String {
    let looks = [&wish.size, &wish.colour, &wish.stuff].into_iter().flatten();
    let looks: String = looks.map(|look| format!("{look} ")).collect();
    let layout = wish.layout.as_ref().map(|layout| format!(", in a {layout}")).unwrap_or_default();
    let place = wish.place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
    format!("{} x {looks}{}{layout}{place}", wish.count, wish.thing)
}

/// Words that wait for the thing they belong to.
#[derive(Default)]
struct Pending {
    count: Option<usize>,
    colour: Option<String>,
    stuff: Option<String>,
    size: Option<String>,
    layout: Option<String>,
    place: Option<String>,
    snowy: bool,
}

/// Reads a prompt. Any text gives a result.
pub fn read(text: &str) -> Prompt {
    let mut prompt = Prompt { text: text.trim().to_owned(), ..Prompt::default() };
    let words = split(text);
    let mut pending = Pending::default();
    let mut thing_in_clause = false;
    for (at, token) in words.iter().enumerate() {
        let Token::Word(word) = token else {
            thing_in_clause = false;
            continue;
        };
        let next = match words.get(at + 1) {
            Some(Token::Word(next)) => Some(next.as_str()),
            _ => None,
        };
        let role = take(word, next, &mut prompt, &mut pending, &mut thing_in_clause);
        prompt.words.push(Word { text: word.clone(), role });
    }
    // `golden`, `blue` with nothing after it is a mood of the light.
    if let Some(colour) = pending.colour.or(pending.stuff.filter(|stuff| stuff.starts_with("gold"))) {
        prompt.setting.sky_colour.get_or_insert(colour);
    }
    prompt
}

enum Token {
    Word(String),
    Break,
}

fn split(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for letter in text.to_lowercase().chars().chain([' ']) {
        if letter.is_alphanumeric() || (matches!(letter, '-' | '\'' | '’') && !word.is_empty()) {
            word.push(if letter == '’' { '\'' } else { letter });
            continue;
        }
        let done = std::mem::take(&mut word);
        let done = done.trim_end_matches(['-', '\'']).trim_end_matches("'s");
        if !done.is_empty() {
            tokens.push(Token::Word(done.to_owned()));
        }
        if matches!(letter, ',' | ';' | '.' | ':' | '!' | '?' | '\n') {
            tokens.push(Token::Break);
        }
    }
    tokens
}

/// Whether a word can bear a colour or a stuff.
fn bears(word: &str) -> bool {
    find_thing(word).is_some()
        || find(GROUNDS, word).is_some()
        || find(STUFFS, word).is_some()
        || find(SIZES, word).is_some()
}

fn take(
    word: &str,
    next: Option<&str>,
    prompt: &mut Prompt,
    pending: &mut Pending,
    thing_in_clause: &mut bool,
) -> Role {
    let setting = &mut prompt.setting;
    let own = || Some(word.to_owned());
    let borne = next.is_some_and(bears);
    // Words that are two things: what follows decides.
    if borne && find(COLOURS, word).is_some() {
        pending.colour = own();
        return Role::Colour;
    }
    if borne && find(STUFFS, word).is_some() {
        pending.stuff = own();
        return Role::Stuff;
    }
    if matches!(word, "snowy" | "snow-capped" | "snowcapped")
        && next.is_some_and(|next| find(RELIEFS, next).is_some())
    {
        pending.snowy = true;
        return Role::Relief;
    }
    if let Some((_, many)) = find_thing(word) {
        let total: usize = prompt.wishes.iter().map(|wish| wish.count).sum();
        let left = THINGS_MAX.saturating_sub(total);
        let waiting = std::mem::take(pending);
        if left == 0 {
            return Role::Ignored;
        }
        let count = waiting.count.unwrap_or(match (&waiting.layout, many) {
            (Some(_), _) => 5,
            (None, true) => 3,
            (None, false) => 1,
        });
        *thing_in_clause = true;
        prompt.wishes.push(Wish {
            thing: word.to_owned(),
            count: count.clamp(1, left),
            colour: waiting.colour,
            stuff: waiting.stuff,
            size: waiting.size,
            layout: waiting.layout,
            place: waiting.place,
        });
        return Role::Thing;
    }
    if find(GROUNDS, word).is_some() {
        let waiting = std::mem::take(pending);
        setting.ground_look = waiting.colour.or(waiting.stuff).or(setting.ground_look.take());
        setting.ground = own();
        return Role::Ground;
    }
    if find(RELIEFS, word).is_some() {
        let waiting = std::mem::take(pending);
        setting.snowy_peaks |= waiting.snowy;
        setting.reliefs.push(word.to_owned());
        return Role::Relief;
    }
    if find(SKIES, word).is_some() {
        setting.sky_colour = std::mem::take(pending).colour.or(setting.sky_colour.take());
        setting.sky = own();
        return Role::Hour;
    }
    if word == "sky" || word == "light" {
        let waiting = std::mem::take(pending);
        setting.sky_colour = waiting.colour.or(waiting.stuff).or(setting.sky_colour.take());
        return Role::Joint;
    }
    if find(COLOURS, word).is_some() {
        pending.colour = own();
        return Role::Colour;
    }
    if find(STUFFS, word).is_some() {
        // `balls of glass`
        match prompt.wishes.last_mut().filter(|wish| *thing_in_clause && wish.stuff.is_none()) {
            Some(wish) => wish.stuff = own(),
            None => pending.stuff = own(),
        }
        return Role::Stuff;
    }
    if find(SIZES, word).is_some() {
        pending.size = own();
        return Role::Size;
    }
    if find(LAYOUTS, word).is_some() {
        match prompt
            .wishes
            .last_mut()
            .filter(|wish| *thing_in_clause && next != Some("of") && wish.layout.is_none())
        {
            Some(wish) => wish.layout = own(),
            None => {
                pending.layout = own();
                // `a row of` says nothing of how many.
                pending.count = None;
            }
        }
        return Role::Layout;
    }
    if find(PLACES, word).is_some() {
        match prompt.wishes.last_mut().filter(|wish| *thing_in_clause && wish.place.is_none()) {
            Some(wish) => wish.place = own(),
            None => pending.place = own(),
        }
        return Role::Place;
    }
    if find(WEATHERS, word).is_some() {
        setting.weathers.push(word.to_owned());
        return Role::Weather;
    }
    if find(MOODS, word).is_some() {
        setting.moods.push(word.to_owned());
        return Role::Mood;
    }
    if find(VIEWS, word).is_some() {
        setting.view.get_or_insert_with(|| word.to_owned());
        return Role::View;
    }
    if let Some(count) =
        find(COUNTS, word).or_else(|| word.parse().ok().filter(|count| (1..=99).contains(count)))
    {
        pending.count = Some(count).filter(|_| pending.layout.is_none() || count > 1).or(pending.count);
        return Role::Count;
    }
    if JOINTS.contains(&word) { Role::Joint } else { Role::Ignored }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str], ignored: &[&str]) -> Setting {
        let prompt = read(text);
        let wishes: Vec<String> = prompt.wishes.iter().map(described).collect();
        assert_eq!(wishes, expected, "{text}");
        assert_eq!(prompt.ignored(), ignored, "{text}");
        prompt.setting
    }

    #[test]
    fn prompts_are_read() {
        let setting = check("Three glass balls on a wooden table at sunset", &["3 x glass balls"], &[]);
        assert_eq!(
            (setting.ground.as_deref(), setting.ground_look.as_deref()),
            (Some("table"), Some("wooden"))
        );
        assert_eq!(setting.sky.as_deref(), Some("sunset"));
        let setting = check(
            "a small red house by a calm lake, snowy mountains behind it, misty dawn",
            &["1 x small red house"],
            &[],
        );
        assert!(setting.snowy_peaks);
        assert_eq!(setting.weathers, ["misty"]);
        check(
            "a row of five golden cubes and a giant orange",
            &["5 x golden cubes, in a row", "1 x giant orange"],
            &[],
        );
        check(
            "an orange ball, a crystal ball, a crystal",
            &["1 x orange ball", "1 x crystal ball", "1 x crystal"],
            &[],
        );
        check(
            "a castle on the left, in the background two towers",
            &["1 x castle, left", "2 x towers, background"],
            &[],
        );
        check("pyramids made of gold in the desert", &["3 x gold pyramids"], &[]);
        check("a unicorn riding a tree", &["1 x tree"], &["unicorn", "riding"]);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_the_reason() {
        assert!(check_prompt(" \n").unwrap_err().contains("empty"));
        assert!(check_prompt("asdf qwer the of").unwrap_err().contains("vocabulary"));
        assert!(check_prompt(&"tree ".repeat(500)).unwrap_err().contains("2500 characters"));
        assert!(check_prompt("a tree").is_ok());
        assert!(check_prompt("foggy mountains").is_ok());
    }

    #[test]
    fn things_are_bounded() {
        let prompt = read(&"99 cubes ".repeat(5));
        assert_eq!(prompt.wishes.iter().map(|wish| wish.count).sum::<usize>(), THINGS_MAX);
        assert_eq!(prompt.ignored(), ["cubes"]);
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "",
            "-",
            "'''",
            "—",
            "ÄÖ’ß",
            "1 2 3 99999999999999999999 -5",
            "row of of of",
            "\u{0}\u{202e}ball",
        ] {
            let _ = read(text);
        }
    }
}
