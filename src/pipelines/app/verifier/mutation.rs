//! The mutation run: which mutants are tried, and what became of them.

use std::collections::BTreeMap;

use super::checks::{MEMORY_BYTES, test_files};
use super::modules::{self, Module};
use super::mutate::{Mutant, mutants};
use super::report::{Mutation, Survivor};
use crate::domain::script::{ScriptJob, ScriptOutcome, ScriptStep};
use crate::pipelines::{AgentError, AgentHost, FileSet};

/// Mutants of one run; more would tell little more.
const MUTANTS_MAX: usize = 300;
/// Wall-clock limit of one mutant. All tests of an app take some 50 ms, so what takes this long never ends; on a busy
/// machine a smaller limit would call slow mutants endless, and the report would differ from one time to the next.
const STEP_MS: u64 = 5_000;
/// How many mutants pass between two words about the progress.
const PROGRESS_EVERY: usize = 10;
/// Where the mutation run begins and ends on the scale of the agent.
const PROGRESS: (f64, f64) = (20.0, 99.0);

/// A mutant and its file.
struct Candidate<'a> {
    file: &'a str,
    source: &'a str,
    mutant: Mutant,
}

pub(super) fn run(files: &FileSet, seed: u64, host: &dyn AgentHost) -> Result<Mutation, AgentError> {
    let mut scripts: BTreeMap<&str, &str> = BTreeMap::new();
    for (path, _) in files.iter().filter(|(path, _)| path.ends_with(".js")) {
        scripts.insert(path, files.text(path)?);
    }
    let mut result = Mutation::default();
    let mut by_file: Vec<Vec<Candidate<'_>>> = Vec::new();
    for (&file, &source) in scripts.iter().filter(|(path, _)| path.starts_with("src/core/")) {
        host.check()?;
        let all = mutants(source);
        result.possible += all.len();
        let (equivalent, tried): (Vec<_>, Vec<_>) = all.into_iter().partition(|mutant| mutant.equivalent);
        result.equivalent += equivalent.len();
        by_file.push(tried.into_iter().map(|mutant| Candidate { file, source, mutant }).collect());
    }
    let chosen = choose(by_file, seed);
    let outcomes = try_all(&scripts, &chosen, host)?;
    for (candidate, outcome) in chosen.iter().zip(&outcomes) {
        count(candidate, outcome, &mut result);
    }
    result.total = result.killed + result.survived;
    result.score = score(result.killed, result.total);
    Ok(result)
}

/// Percent with one decimal, rounded down: 79.96 is not 80.
fn score(killed: usize, total: usize) -> f64 {
    match (killed * 1000).checked_div(total) {
        Some(tenths) => tenths as f64 / 10.0,
        None => 100.0,
    }
}

/// At most [`MUTANTS_MAX`], the same number of each file as far as it has them; which of a file is up to the seed.
fn choose(by_file: Vec<Vec<Candidate<'_>>>, seed: u64) -> Vec<Candidate<'_>> {
    let mut piles: Vec<Vec<(u64, usize, Candidate<'_>)>> = by_file
        .into_iter()
        .map(|pile| {
            let mut pile: Vec<_> = pile
                .into_iter()
                .enumerate()
                .map(|(index, candidate)| (shuffled(seed, candidate.file, index), index, candidate))
                .collect();
            // The smallest come last and are taken first.
            pile.sort_by_key(|(key, index, _)| std::cmp::Reverse((*key, *index)));
            pile
        })
        .collect();
    let mut chosen: Vec<(usize, usize, Candidate<'_>)> = Vec::new();
    while chosen.len() < MUTANTS_MAX && piles.iter().any(|pile| !pile.is_empty()) {
        for (file, pile) in piles.iter_mut().enumerate() {
            if chosen.len() < MUTANTS_MAX
                && let Some((_, index, candidate)) = pile.pop()
            {
                chosen.push((file, index, candidate));
            }
        }
    }
    // In the order of the files, so that the report reads from top to bottom.
    chosen.sort_by_key(|(file, index, _)| (*file, *index));
    chosen.into_iter().map(|(_, _, candidate)| candidate).collect()
}

/// A number that looks like chance and is the same every time.
fn shuffled(seed: u64, file: &str, index: usize) -> u64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    for byte in file.bytes().chain(index.to_le_bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state ^= state >> 30;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^ (state >> 27)
}

fn try_all(
    scripts: &BTreeMap<&str, &str>,
    chosen: &[Candidate<'_>],
    host: &dyn AgentHost,
) -> Result<Vec<ScriptOutcome>, AgentError> {
    let modules: BTreeMap<String, Module> =
        scripts.iter().map(|(path, source)| ((*path).to_owned(), modules::scan(source))).collect();
    let mut entries = test_files(scripts.keys().copied());
    // Small files first: they know sooner.
    entries.sort_by_key(|path| (scripts[path].len(), *path));
    let reached: Vec<_> = entries.iter().map(|path| (*path, modules::reachable(path, &modules))).collect();
    let step = |candidate: &Candidate<'_>| ScriptStep::Test {
        entries: reached
            .iter()
            .filter(|(_, reached)| reached.contains(candidate.file))
            .map(|(path, _)| (*path).to_owned())
            .collect(),
        replace: BTreeMap::from([(candidate.file.to_owned(), candidate.mutant.apply(candidate.source))]),
        stop_at_first_failure: true,
    };
    let job = ScriptJob {
        files: scripts.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect(),
        steps: chosen.iter().map(step).collect(),
        memory_bytes: MEMORY_BYTES,
        step_ms: STEP_MS,
    };
    let total = job.steps.len();
    let outcomes = host.run_scripts(&job, &mut |index, _| {
        let done = index + 1;
        if done % PROGRESS_EVERY == 0 || done == total {
            let percent = PROGRESS.0 + (PROGRESS.1 - PROGRESS.0) * done as f64 / total as f64;
            host.progress(percent, &format!("{done} of {total} changes tried"));
        }
    })?;
    if outcomes.len() != total {
        return Err(AgentError::failed("the script sandbox left steps out"));
    }
    Ok(outcomes)
}

fn count(candidate: &Candidate<'_>, outcome: &ScriptOutcome, result: &mut Mutation) {
    match outcome {
        ScriptOutcome::Tested { tests } if tests.iter().all(|test| test.passed) => {
            let (before, after) = candidate.mutant.lines(candidate.source);
            result.survived += 1;
            result.survivors.push(Survivor {
                file: candidate.file.to_owned(),
                line: candidate.mutant.line,
                operator: candidate.mutant.operator.to_owned(),
                before,
                after,
            });
        }
        ScriptOutcome::Error { error }
            if error.file == candidate.file && error.message.starts_with("SyntaxError") =>
        {
            result.not_compiling += 1;
        }
        ScriptOutcome::TimedOut => {
            result.killed += 1;
            result.timed_out += 1;
        }
        _ => result.killed += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates<'a>(file: &'a str, source: &'a str) -> Vec<Candidate<'a>> {
        mutants(source).into_iter().map(|mutant| Candidate { file, source, mutant }).collect()
    }

    #[test]
    fn files_share_the_mutants_and_the_seed_decides() {
        let long = "f(a < b);\n".repeat(400);
        let short = "f(a === b);\n".repeat(10);
        let pick = |seed| {
            let chosen = choose(vec![candidates("long.js", &long), candidates("short.js", &short)], seed);
            chosen.iter().map(|chosen| (chosen.file.to_owned(), chosen.mutant.clone())).collect::<Vec<_>>()
        };
        let first = pick(1);
        assert_eq!(first.len(), MUTANTS_MAX);
        let of_short = mutants(&short).len();
        assert_eq!(first.iter().filter(|(file, _)| file == "short.js").count(), of_short);
        assert_eq!(first, pick(1));
        assert_ne!(first, pick(2));
    }

    #[test]
    fn the_score_is_never_flattered() {
        let cases = [((0, 0), 100.0), ((1, 1), 100.0), ((7999, 10000), 79.9), ((2, 3), 66.6), ((0, 5), 0.0)];
        for ((killed, total), expected) in cases {
            assert!((score(killed, total) - expected).abs() < 1e-9, "{killed} of {total}");
        }
    }
}
