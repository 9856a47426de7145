//! How it looks.

use super::super::draft::Clause;
use super::super::pattern;
use super::super::vocabulary::{COLOURS, MOODS};
use super::{Answer, Context};
use crate::pipelines::app::spec::Intent;

/// `a dark calm theme`, `it should look playful`, `green and warm`.
pub(in crate::pipelines::app::grammar) fn theme(clause: &Clause, context: &mut Context) -> Answer {
    let asks = pattern!(
        r" (?:theme|themes|themed|look|looks|looking|style|styled|styling|designs?|designed|colou?rs?|mood|feel|feels|feeling|palette|appearance|mode|atmosphere|tone|tones|interface|scheme) "
    )
    .is_match(&clause.low);
    let words: Vec<&str> = clause.low.split_whitespace().collect();
    let mut known: Vec<String> = Vec::new();
    let mut others = 0;
    for (index, word) in words.iter().enumerate() {
        let hidden =
            *word == "light" && words.get(index + 1) == Some(&"and") && words.get(index + 2) == Some(&"dark");
        if (MOODS.contains(word) || COLOURS.contains(word)) && !hidden {
            if !known.iter().any(|known| known == word) {
                known.push((*word).to_owned());
            }
        } else if ![
            "and", "a", "an", "the", ",", "in", "with", "make", "it", "very", "keep", "please", "use", "app",
            "be",
        ]
        .contains(word)
        {
            others += 1;
        }
    }
    if !asks && (known.is_empty() || others > 0) {
        return Answer::Pass;
    }
    if known.is_empty() {
        let sure = pattern!(r" (?:theme|themed|mood|palette|appearance|look and feel|colou?r scheme) ")
            .is_match(&clause.low);
        return if sure {
            Answer::Refused(format!(
                "no word for a mood or a colour was found; understood are words like {}, {}",
                MOODS[..6].join(", "),
                COLOURS[..6].join(", ")
            ))
        } else {
            Answer::Pass
        };
    }
    if super::is_negated(clause) {
        context.find(Intent::Theme { words: known }, clause);
        return Answer::Done;
    }
    for (one, other) in [("dark", "light"), ("light", "dark")] {
        if !known.iter().any(|word| word == one) {
            continue;
        }
        let mut lost = Vec::new();
        for found in &mut context.found {
            if let Intent::Theme { words } = &mut found.intent
                && words.iter().any(|word| word == other)
                && !found.clauses.contains(&clause.index)
                && !found.negated
            {
                words.retain(|word| word != other);
                lost.extend(found.clauses.clone());
            }
        }
        context.found.retain(|found| !matches!(&found.intent, Intent::Theme { words } if words.is_empty()));
        for index in lost {
            context.draft.contradictions.push(format!(
                "S{} asks for {other}, S{} for {one}; the later one is taken",
                index + 1,
                clause.index + 1
            ));
            context.draft.refused.push((index, format!("S{} asks for {one} and is taken", clause.index + 1)));
        }
    }
    context.find(Intent::Theme { words: known }, clause);
    Answer::Done
}
