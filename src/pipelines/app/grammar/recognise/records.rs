//! Adding, editing, removing, listing: asked for in words, though every kept record has them anyway.

use super::super::draft::{Clause, plain_parts};
use super::super::pattern;
use super::{Answer, Context};
use crate::pipelines::app::spec::Intent;

/// `add, edit and delete books`, `list all books`, `books can not be deleted`.
pub(in crate::pipelines::app::grammar) fn records(clause: &Clause, context: &mut Context) -> Answer {
    let low = &clause.low;
    let asks = [
        pattern!(r" (?:add|adds|adding|added|create|creates|created|creating|enter|entered|insert|put in|new|register|registered) ").is_match(low),
        pattern!(r" (?:edit|edits|edited|editing|editable|change|changes|changed|changing|update|updates|updated|updating|modify|modified|rename|renamed|correct|corrected) ")
            .is_match(low),
        pattern!(r" (?:delete|deletes|deleted|deleting|deletion|remove|removes|removed|removing|erase|erased|throw away) ").is_match(low),
        pattern!(r" (?:list|lists|listed|listing|show|shows|shown|see|view|views|display|displayed|browse|overview|look at|read) ").is_match(low),
        pattern!(r" (?:manage|manages|managed|maintain|organi[sz]e) ").is_match(low),
    ];
    if asks.iter().all(|asked| !asked) {
        return Answer::Pass;
    }
    let named = context.draft.entities_in(&clause.words);
    let loose = pattern!(r" (?:them|it|these|entries|entry|records?|items?|everything|all|one|something) ")
        .is_match(low);
    let verbs = pattern!(r"^(?: (?:,|/|and|or|to|add|create|edit|change|update|delete|remove|list|show|view|browse|manage|new|adding|editing|deleting|removing|listing|please|not|no|be|able|deletion))+ $")
        .is_match(low);
    if named.is_empty() && !loose && !verbs {
        return Answer::Pass;
    }
    if leftover(clause, context) > 2 {
        return Answer::Pass;
    }
    let several = pattern!(r" and | , | / ").is_match(low) && named.len() > 1;
    let targets: Vec<String> = if named.is_empty() {
        context.subject(clause).into_iter().collect()
    } else if several {
        named
    } else {
        named.into_iter().take(1).collect()
    };
    for entity in targets {
        let all = asks[4];
        if asks[0] || all {
            context.find(Intent::Add { entity: entity.clone() }, clause);
        }
        if asks[1] || all {
            context.find(Intent::Edit { entity: entity.clone() }, clause);
        }
        if asks[2] || all {
            context.find(Intent::Remove { entity: entity.clone() }, clause);
        }
        if asks[3] || all {
            context.find(Intent::List { entity: entity.clone() }, clause);
        }
    }
    Answer::Done
}

/// How many words of the clause are neither a verb of this family, nor an entity, nor a field, nor small.
fn leftover(clause: &Clause, context: &Context) -> usize {
    let small = pattern!(
        r"^(?:add|create|enter|insert|register|edit|change|update|modify|rename|correct|delete|deletion|remove|erase|list|show|shown|see|view|display|browse|overview|look|read|manage|maintain|organi[sz]e|new|existing|old|all|every|each|any|single|an?|the|of|in|to|and|or|not|no|be|is|are|can|them|it|its|their|these|my|our|entry|entries|record|item|everything|one|something|again|later|also|with|,|/|by|adding|editing|deleting|removing|listing|added|edited|deleted|removed|listed|changed|created|as|on|page|table|screen|detail|details|first|possible|able|allowed|only|please|at|once|when|needed|anytime|time)$"
    );
    let mut names: Vec<String> = Vec::new();
    for entity in &context.draft.entities {
        names.extend(plain_parts(&entity.label));
        for field in &entity.fields {
            names.extend(plain_parts(&field.label));
        }
    }
    clause.words.iter().filter(|word| !small.is_match(word) && !names.contains(word)).count()
}
