//! From the sentences of a brief to requirements and a model.

use super::criteria::{criteria, join};
use super::declare;
use super::draft::{Clause, Draft};
use super::frame::framed;
use super::generic;
use super::kinds::{is_day, plain};
use super::lead::strip_lead;
use super::leftover::{self, leftover};
use super::recognise::states::{due_field, finished};
use super::recognise::{Answer, Context, Finding, first_round, second_round};
use super::settle;
use super::split;
use super::text::normalise;
use super::valid::valid;
use super::words::kebab;
use super::{pattern, wording};
use crate::pipelines::app::spec::{Brief, Criterion, Intent, Model, NotCovered, Requirement, Requirements};

/// What a brief says.
#[derive(Clone, Debug, PartialEq)]
pub struct Understanding {
    /// Every sentence mapped to what is to be built.
    pub requirements: Requirements,
    /// What is kept.
    pub model: Model,
    /// Contradictions, with the side that was taken.
    pub contradictions: Vec<String>,
    /// What the brief leaves open and how it was filled in, in words.
    pub assumptions: Vec<String>,
    /// What became of each sentence, in order.
    pub verdicts: Vec<Verdict>,
}

/// What became of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// `S1`.
    pub sentence: String,
    /// Its words.
    pub text: String,
    /// The requirements that it asks for, `R1`; none for a sentence that only leaves something out.
    pub requirements: Vec<String>,
    /// Why it, or a part of it, is not covered.
    pub problem: Option<String>,
}

/// The title, the sentences and the contradictions of a brief.
pub fn read(text: &str) -> Brief {
    let cut = split::cut(text);
    let mut brief = Brief {
        title: cut.title.filter(|title| !title.is_empty()).unwrap_or_default(),
        slug: String::new(),
        sentences: cut.sentences,
        contradictions: Vec::new(),
    };
    let understanding = understand(&brief);
    brief.title = understanding.model.title;
    brief.slug = understanding.model.slug;
    brief.contradictions = understanding.contradictions;
    brief
}

/// Understands the sentences of a brief. Pure: the same brief gives the same answer, byte for byte.
pub fn understand(brief: &Brief) -> Understanding {
    let clauses: Vec<Clause> = brief
        .sentences
        .iter()
        .enumerate()
        .map(|(index, sentence)| Clause::new(index, &strip_lead(&normalise(&quiet(&sentence.text)))))
        .collect();
    let mut reader = Reader {
        reasons: vec![Vec::new(); clauses.len()],
        handled: vec![false; clauses.len()],
        context: Context::default(),
        wishes: Vec::new(),
        clauses,
    };
    let titled = brief.sentences.first().is_some_and(|first| first.start > 0);
    reader.read_things(&brief.title, titled);
    reader.read_generic(brief);
    reader.settle_things(&brief.title);
    reader.read_actions();
    reader.finish(brief)
}

struct Reader {
    clauses: Vec<Clause>,
    handled: Vec<bool>,
    reasons: Vec<Vec<String>>,
    context: Context,
    /// What goes without saying for well-known things.
    wishes: Vec<Clause>,
}

impl Reader {
    /// First all clauses that say what is kept, for a rule may stand before the thing it is about.
    fn read_things(&mut self, title: &str, titled: bool) {
        let mut last: Option<String> = None;
        for round in 0..2 {
            if round == 1 {
                self.read_titled_list(title, titled);
            }
            for clause in &self.clauses {
                let draft = &mut self.context.draft;
                if self.handled[clause.index] {
                    last = draft.entities_in(&clause.words).into_iter().next().or(last);
                    continue;
                }
                if leaves_out(clause).is_some() {
                    continue;
                }
                let done = if round == 0 {
                    declare::declare(clause, draft, last.as_deref())
                } else {
                    declare::derived(clause, draft, last.as_deref())
                        || declare::values(clause, draft, last.as_deref())
                        || declare::declare(clause, draft, last.as_deref())
                };
                self.handled[clause.index] = done;
                last = draft.entities_in(&clause.words).into_iter().next().or(last);
            }
        }
    }

    /// `Workout log: exercise, sets, weight`: the title names the thing, the first sentence its fields.
    fn read_titled_list(&mut self, title: &str, titled: bool) {
        let Some(clause) = self.clauses.first().filter(|clause| !self.handled[clause.index]) else {
            return;
        };
        if title.is_empty() || !titled || !declare::bare_list(clause) {
            return;
        }
        let title = normalise(&quiet(title));
        let names = match framed(&title).map(|found| found.name).or_else(|| generic::tracked(&title)) {
            Some(name) => vec![name],
            None => title.split(" and ").map(str::to_owned).collect(),
        };
        for name in names.iter().filter_map(|name| generic::plausible(name, true)) {
            self.handled[0] |= declare::add(&mut self.context.draft, &name, &clause.plain, clause);
        }
    }

    /// When nothing is said about what is kept: a thing named in passing becomes a list of its own.
    fn read_generic(&mut self, brief: &Brief) {
        if !self.context.draft.entities.is_empty() || self.clauses.is_empty() {
            return;
        }
        let title = Clause::new(0, &normalise(&quiet(&brief.title)));
        let places = || self.clauses.iter().chain([&title]);
        let framed_thing = places().find_map(|clause| {
            let found = framed(&clause.plain)?;
            let name = generic::plausible(&found.name, !found.kind.is_empty())?;
            Some((clause.index, name, found.rest, found.kind))
        });
        let bare = |(index, name): (usize, String)| (index, name, None, String::new());
        let ask = |question: &dyn Fn(&Clause) -> Option<String>| {
            places().find_map(|clause| question(clause).map(|name| bare((clause.index, name))))
        };
        let found = framed_thing
            .or_else(|| ask(&|clause| generic::tracked(&clause.plain)))
            .or_else(|| ask(&|clause| generic::phrase(&clause.plain, true)))
            .or_else(|| ask(&|clause| generic::passing(&clause.plain)))
            .or_else(|| ask(&generic::mentioned))
            .or_else(|| ask(&|clause| generic::phrase(&clause.plain, false)));
        let Some((index, name, rest, kind)) = found else {
            return;
        };
        if self.context.draft.ensure_entity(&name, index).is_none() {
            return;
        }
        for clause in &self.clauses {
            if clause.index != index && declare::rate(clause, &mut self.context.draft) {
                self.handled[clause.index] = true;
            }
        }
        // What the clause says beside the name is read like any other clause.
        let more = pattern!(r" (?:with|per|where|that|which|by|board|kanban|calendar|search|sort|so|to) ");
        let Some(clause) = self.clauses.get(index).cloned() else { return };
        let shown = pattern!(r" (?:kanban|calendar) ").is_match(&clause.low);
        let said = more.is_match(&clause.low) && (clause.words.len() > 3 || shown);
        // `parking spots and permits`, or a bullet each: every one of them is kept.
        let more_things = generic::joined(&clause.plain).into_iter().map(|name| (index, name));
        let alone = self.clauses.iter().filter(|other| other.index != index && clause.words.len() <= 3);
        let bullets = alone.filter_map(|other| {
            let name = generic::phrase(&other.plain, true)?;
            (plain(&name) == other.words.join(" ")).then_some((other.index, name))
        });
        for (at, name) in more_things.chain(bullets).collect::<Vec<_>>() {
            if self.context.draft.ensure_entity(&name, at).is_some() {
                self.handled[at] = true;
            }
        }
        // A thing that the title alone names leaves the first sentence to be read.
        let stated = clause.words.iter().any(|word| plain(&name).split(' ').any(|part| part == word))
            || !kind.is_empty()
            || clause.words.len() <= 2;
        self.handled[index] |= stated && (!said || rest.is_some());
        if let Some(rest) = rest {
            self.reasons[index].push(format!("partly: `{rest}` is not understood"));
        }
    }

    fn settle_things(&mut self, title: &str) {
        let spoken: String = self.clauses.iter().map(|clause| clause.low.as_str()).chain([title]).collect();
        let draft = &mut self.context.draft;
        for clause in &self.clauses {
            if let Some(name) = leaves_out(clause) {
                let named = draft
                    .entities
                    .iter()
                    .any(|entity| entity.fields.iter().any(|field| plain(&field.label) == plain(&name)));
                if named {
                    draft.removed.push((clause.index, None, name));
                    self.handled[clause.index] = true;
                }
            }
        }
        settle::removals(draft);
        settle::references(draft);
        declare::settle_formulas(draft);
        settle::main_first(draft, &normalise(title));
        let (generic, wishes) = settle::fill(draft, &spoken);
        self.wishes = wishes;
        for key in generic {
            for index in draft.declared.get(&key).cloned().unwrap_or_default() {
                if let Some(list) = self.reasons.get_mut(index)
                    && list.iter().all(|reason| !reason.starts_with("no fields"))
                {
                    list.push(
                        "no fields are named, so each record has a name, notes and a date; fields are understood like `plants with name, place and price`"
                            .to_owned(),
                    );
                }
            }
        }
        settle::names(draft);
        settle::finish(draft);
    }

    fn read_actions(&mut self) {
        self.context.last = None;
        for clause in &self.wishes {
            first_round(clause, &mut self.context);
        }
        for index in 0..self.clauses.len() {
            let clause = &self.clauses[index];
            if !self.handled[index] || steps_inside(clause) {
                first_round(clause, &mut self.context);
            }
            self.follow(index);
        }
        settle::finish(&mut self.context.draft);
        self.context.last = None;
        for index in 0..self.clauses.len() {
            let clause = self.clauses[index].clone();
            if !self.handled[index] {
                if self.context.draft.entities.is_empty() {
                    self.reasons[index].push(
                        "nothing is said about what is to be kept, like `books with title and author`"
                            .to_owned(),
                    );
                } else {
                    match second_round(&clause, &mut self.context) {
                        Answer::Done => {
                            let listed = self.context.found.iter().any(|found| {
                                found.clauses.contains(&index) && matches!(found.intent, Intent::List { .. })
                            });
                            let alone = listed
                                && self.context.found.iter().all(|found| {
                                    !found.clauses.contains(&index)
                                        || matches!(found.intent, Intent::List { .. })
                                });
                            let words = leftover(&clause, &self.context.draft)
                                .or_else(|| leftover::of_a_list(&clause).filter(|_| alone));
                            if let Some(words) = words {
                                self.reasons[index].push(format!("partly: {words} is not understood"));
                            }
                        }
                        Answer::Refused(reason) => self.reasons[index].push(reason),
                        Answer::Pass => self.pass(&clause),
                    }
                }
            }
            if let Some(why) = declare::beyond(&clause, &self.context.draft)
                && self.reasons[index].iter().all(|reason| reason != why)
            {
                self.reasons[index].push(why.to_owned());
            }
            self.follow(index);
        }
    }

    /// A clause that nobody knows.
    fn pass(&mut self, clause: &Clause) {
        if let Some(name) = leaves_out(clause) {
            // What was never there is left out as asked.
            self.context.draft.notes.push((clause.index, format!("nothing is built for {name}, as asked")));
            return;
        }
        if let Some(why) = declare::beyond(clause, &self.context.draft) {
            self.reasons[clause.index].push(why.to_owned());
            return;
        }
        self.reasons[clause.index].push(
            "no known form of sentence fits; understood are sentences like `search by title`, `count per status`, `title is required`"
                .to_owned(),
        );
    }

    /// Remembers which entity was spoken of.
    fn follow(&mut self, index: usize) {
        if let Some(first) = self.context.draft.entities_in(&self.clauses[index].words).into_iter().next() {
            self.context.last = Some(first);
        }
    }

    fn finish(mut self, brief: &Brief) -> Understanding {
        if brief.sentences.len() >= split::SENTENCES_MAX
            && let Some(last) = self.reasons.last_mut()
        {
            last.push(format!(
                "at most {} sentences are read; this one and what follows it are not",
                split::SENTENCES_MAX
            ));
        }
        settle::finish(&mut self.context.draft);
        let mut found = std::mem::take(&mut self.context.found);
        negations(&mut self.context.draft, &mut found);
        let mut draft = std::mem::take(&mut self.context.draft);
        for (index, reason) in std::mem::take(&mut draft.refused) {
            if let Some(list) = self.reasons.get_mut(index) {
                list.push(reason);
            }
        }
        finish_due(&draft, &mut found);
        settle::rules(&draft, &mut found);
        let model = model(brief, &draft, &found);
        let ordered = order(&draft, &model, found, &mut self.reasons);
        let mut requirements = Vec::new();
        let mut of_sentence: Vec<Vec<String>> = vec![Vec::new(); brief.sentences.len()];
        for (index, finding) in ordered.into_iter().enumerate() {
            let id = format!("R{}", index + 1);
            for clause in &finding.clauses {
                if let Some(list) = of_sentence.get_mut(*clause) {
                    list.push(id.clone());
                }
            }
            let criteria = criteria(&finding.intent, &model)
                .into_iter()
                .enumerate()
                .map(|(number, planned)| Criterion { id: format!("{id}.{}", number + 1), text: planned.text })
                .collect();
            requirements.push(Requirement {
                id,
                sentence: finding
                    .clauses
                    .first()
                    .and_then(|at| brief.sentences.get(*at))
                    .map(|sentence| sentence.id.clone()),
                text: wording::requirement(&finding.intent, &model),
                intent: finding.intent,
                criteria,
            });
        }
        let verdicts: Vec<Verdict> = brief
            .sentences
            .iter()
            .zip(of_sentence)
            .zip(&self.reasons)
            .map(|((sentence, requirements), reasons)| Verdict {
                sentence: sentence.id.clone(),
                text: sentence.text.clone(),
                requirements,
                problem: (!reasons.is_empty()).then(|| reasons.join("; ")),
            })
            .collect();
        let not_covered: Vec<NotCovered> = verdicts
            .iter()
            .filter_map(|verdict| {
                verdict.problem.as_ref().map(|reason| NotCovered {
                    sentence: verdict.sentence.clone(),
                    text: verdict.text.clone(),
                    reason: reason.clone(),
                })
            })
            .collect();
        let total = brief.sentences.len();
        Understanding {
            requirements: Requirements {
                requirements,
                sentences_total: total,
                sentences_covered: total - not_covered.len(),
                not_covered,
            },
            model,
            contradictions: draft.contradictions,
            assumptions: draft.notes.into_iter().map(|(_, note)| note).collect(),
            verdicts,
        }
    }
}

/// `no ratings`, `without a due date`, `I do not need tags`: what is left out. Rules that begin with `no` are not meant.
fn leaves_out(clause: &Clause) -> Option<String> {
    let found = pattern!(
        r"(?i)^(?:but )?(?:no|without|(?:(?:i|we) )?(?:do|does) not (?:need|want|use|have|keep|store)(?: to (?:keep|store|have))?|not need|not want|not|leave out|omit|skip|there (?:is|are|should be|must be) no) (?:an? |the |any |need for |need )?(?P<name>[\w-]+(?: [\w-]+){0,3})$"
    )
    .captures(&clause.plain)?;
    let name = found["name"].to_lowercase();
    let rules = [
        "double",
        "2",
        "duplicate",
        "duplicates",
        "more",
        "overlapping",
        "overlap",
        "empty",
        "be",
        "overlaps",
        "clashes",
    ];
    let first = name.split(' ').next().unwrap_or_default();
    (!rules.contains(&first)).then_some(name)
}

/// `a status that moves from open to done` inside a list of fields.
fn steps_inside(clause: &Clause) -> bool {
    pattern!(r" (?:that|which) (?:moves|goes|changes) from ").is_match(&clause.low)
}

/// A text in capitals alone is not shouted at the reader.
fn quiet(text: &str) -> String {
    let words = text.split_whitespace().count();
    if words > 2 && !text.chars().any(char::is_lowercase) { text.to_lowercase() } else { text.to_owned() }
}

/// Takes out what a sentence asks to leave out.
fn negations(draft: &mut Draft, found: &mut Vec<Finding>) {
    let negated: Vec<Finding> = found.iter().filter(|finding| finding.negated).cloned().collect();
    for no in &negated {
        for yes in found.iter().filter(|yes| !yes.negated && same_wish(&yes.intent, &no.intent)) {
            let side = |finding: &Finding| {
                join(&finding.clauses.iter().map(|index| format!("S{}", index + 1)).collect::<Vec<_>>())
            };
            draft.contradictions.push(format!(
                "{} and {} say the opposite; what is to be left out is left out",
                side(yes),
                side(no)
            ));
            for index in &yes.clauses {
                draft.refused.push((*index, format!("{} asks to leave it out and is taken", side(no))));
            }
        }
        found.retain(|yes| yes.negated || !same_wish(&yes.intent, &no.intent));
    }
}

/// True when both speak of the same thing to do.
fn same_wish(yes: &Intent, no: &Intent) -> bool {
    match (yes, no) {
        (Intent::Search { entity: a, .. }, Intent::Search { entity: b, .. })
        | (Intent::Import { entity: a, .. }, Intent::Import { entity: b, .. })
        | (Intent::Export { entity: a, .. }, Intent::Export { entity: b, .. }) => a == b,
        (Intent::Sort { entity: a, field: x, .. }, Intent::Sort { entity: b, field: y, .. }) => {
            a == b && x == y
        }
        (Intent::Theme { words: a }, Intent::Theme { words: b }) => a.iter().any(|word| b.contains(word)),
        _ => yes == no,
    }
}

/// What ends being overdue is known once all fields are; dates named `due date` ask for it by their name.
fn finish_due(draft: &Draft, found: &mut Vec<Finding>) {
    for entity in &draft.entities {
        for field in &entity.fields {
            let due = ["due date", "deadline", "due", "due day"].contains(&plain(&field.label).as_str());
            let asked = found.iter().any(|finding| {
                matches!(&finding.intent, Intent::Due { entity: e, field: f, .. } if *e == entity.key && *f == field.key)
            });
            if due && is_day(&field.kind) && !asked && due_field(entity, &[]).is_some() {
                let intent = Intent::Due { entity: entity.key.clone(), field: field.key.clone(), done: None };
                found.push(Finding { intent, clauses: Vec::new(), negated: false });
            }
        }
    }
    for finding in found.iter_mut() {
        if let Intent::Due { entity, done, .. } = &mut finding.intent {
            *done = draft.entity(entity).and_then(finished);
        }
    }
}

fn model(brief: &Brief, draft: &Draft, found: &[Finding]) -> Model {
    let mut theme: Vec<String> = Vec::new();
    for finding in found.iter().filter(|finding| !finding.negated) {
        if let Intent::Theme { words } = &finding.intent {
            for word in words {
                if !theme.contains(word) {
                    theme.push(word.clone());
                }
            }
        }
    }
    let title = if brief.title.is_empty() {
        draft.entities.first().map_or_else(|| "App".to_owned(), |main| main.label_plural.clone())
    } else {
        brief.title.clone()
    };
    let slug = if brief.slug.is_empty() { kebab(&title) } else { brief.slug.clone() };
    let slug: String = slug.chars().take(60).collect();
    let slug = slug.trim_matches('-').to_owned();
    Model {
        title,
        slug: if slug.is_empty() { "app".to_owned() } else { slug },
        theme,
        entities: draft.entities.clone(),
    }
}

/// Everything to be built in its order: what is kept with what is implied, then the rest by sentence.
fn order(draft: &Draft, model: &Model, found: Vec<Finding>, reasons: &mut [Vec<String>]) -> Vec<Finding> {
    let unwanted: Vec<Intent> =
        found.iter().filter(|finding| finding.negated).map(|finding| finding.intent.clone()).collect();
    let mut rest: Vec<Finding> = Vec::new();
    for finding in found.into_iter().filter(|finding| !finding.negated) {
        if !valid(&finding.intent, model) {
            for index in &finding.clauses {
                if let Some(list) = reasons.get_mut(*index) {
                    list.push("it does not fit to what is kept".to_owned());
                }
            }
            continue;
        }
        match rest.iter_mut().find(|known| known.intent == finding.intent) {
            Some(known) => {
                for index in finding.clauses {
                    if !known.clauses.contains(&index) {
                        known.clauses.push(index);
                    }
                }
            }
            None => rest.push(finding),
        }
    }
    unreachable_marks(&mut rest, reasons);
    let mut out = Vec::new();
    for entity in &model.entities {
        let key = &entity.key;
        let mut clauses = draft.declared.get(key).cloned().unwrap_or_default();
        // Values and kinds that a later sentence gives belong to what is kept as well.
        for (rule, more) in &draft.why {
            if rule.starts_with(&format!("field {key}.")) || rule.starts_with(&format!("optional {key}.")) {
                clauses.extend(more.iter().copied());
            }
        }
        clauses.sort_unstable();
        clauses.dedup();
        let fields = entity.fields.iter().map(|field| field.key.clone()).collect();
        out.push(Finding { intent: Intent::Keep { entity: key.clone(), fields }, clauses, negated: false });
        for intent in [
            Intent::Add { entity: key.clone() },
            Intent::Edit { entity: key.clone() },
            Intent::Remove { entity: key.clone() },
            Intent::List { entity: key.clone() },
        ] {
            let clauses = rest
                .iter()
                .position(|finding| finding.intent == intent)
                .map(|at| rest.remove(at).clauses)
                .unwrap_or_default();
            if !unwanted.contains(&intent) {
                out.push(Finding { intent, clauses, negated: false });
            }
        }
    }
    for finding in &mut rest {
        finding.clauses.sort_unstable();
    }
    rest.sort_by_key(|finding| finding.clauses.first().copied().unwrap_or(usize::MAX));
    out.extend(rest);
    out
}

/// A mark that no step leads to would always be refused.
fn unreachable_marks(rest: &mut Vec<Finding>, reasons: &mut [Vec<String>]) {
    let steps: Vec<(String, String, Vec<String>)> = rest
        .iter()
        .filter_map(|finding| match &finding.intent {
            Intent::Transition { entity, field, steps } => {
                Some((entity.clone(), field.clone(), steps.iter().map(|step| step.to.clone()).collect()))
            }
            _ => None,
        })
        .collect();
    rest.retain(|finding| {
        let Intent::MarkAs { entity, field, value } = &finding.intent else {
            return true;
        };
        let lost = steps.iter().any(|(e, f, to)| e == entity && f == field && !to.contains(value));
        if lost {
            for index in &finding.clauses {
                if let Some(list) = reasons.get_mut(*index) {
                    list.push(format!("no allowed step leads to {value}"));
                }
            }
        }
        !lost
    });
}
