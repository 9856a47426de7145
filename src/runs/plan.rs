//! What a run does next. Plain data: the run as it is on record and the pipeline in, the next step out, so that going on
//! after a restart, a retry and a first start are the same question.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::run::{AgentManifest, AgentStatus, ManifestFile, Run, RunAgent, RunInput};
use crate::pipelines::{Agent, Pipeline};

/// What a run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// These agents need not work: the record holds their output for the very same inputs.
    Reuse(Vec<usize>),
    /// These agents have all they need and may work, the first ones first.
    Work(Vec<Work>),
    /// Nothing can begin before one of those at work has ended.
    Wait,
    /// A person is asked about what this agent made.
    Ask(usize),
    /// All agents are done.
    Finish,
}

/// An agent that is to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Its place, from 0.
    pub(crate) index: usize,
    /// Hash of all that decides its output.
    pub(crate) key: String,
    /// The files it may read, by path.
    pub(crate) inputs: Vec<ManifestFile>,
}

/// The next step of a run: every agent that has no output for its present inputs, and whose needs are all met, but those
/// that are `busy`; or the agent that a person is to be asked about once nothing else is to be done.
pub(crate) fn next(run: &Run, pipeline: &Pipeline, executor: &str, busy: &BTreeSet<usize>) -> Next {
    let mut settled = vec![false; pipeline.agents.len()];
    let (mut reuse, mut work, mut ask) = (Vec::new(), Vec::new(), None);
    for (index, (agent, record)) in pipeline.agents.iter().zip(&run.agents).enumerate() {
        let every: Vec<usize>;
        let needs: &[usize] = match agent.setup.needs {
            Some(needs) => needs,
            None => {
                every = (0..index).collect();
                &every
            }
        };
        if busy.contains(&index) || !needs.iter().all(|need| settled[*need]) {
            continue;
        }
        // Of two agents that wrote the same path, the later one's file.
        let files: BTreeMap<&str, &ManifestFile> = needs
            .iter()
            .filter_map(|need| run.agents[*need].output.as_ref())
            .flat_map(|output| &output.files)
            .map(|file| (file.path.as_str(), file))
            .collect();
        let key = key(run, agent, executor, &files);
        match &record.output {
            Some(output) if output.key == key => {
                let is_done = is_done(record);
                if !is_done {
                    reuse.push(index);
                }
                match agent.policy.gate.is_some() && record.answer.is_none() && !made_nothing(agent, record) {
                    // It is asked about once it was said to be there.
                    true if is_done => ask = ask.or(Some(index)),
                    true => {}
                    false => settled[index] = true,
                }
            }
            _ => work.push(Work { index, key, inputs: files.into_values().cloned().collect() }),
        }
    }
    match (reuse.is_empty(), work.is_empty(), ask) {
        // Reused agents are said before anything else works.
        (false, ..) => Next::Reuse(reuse),
        (_, false, _) => Next::Work(work),
        _ if !busy.is_empty() => Next::Wait,
        (_, _, Some(index)) => Next::Ask(index),
        _ => Next::Finish,
    }
}

/// The agents of a new run.
pub(crate) fn agents_of(pipeline: &Pipeline) -> Vec<RunAgent> {
    pipeline.agents.iter().map(|agent| RunAgent::new(agent.name, agent.title)).collect()
}

/// The agents of a run that repeats `earlier` from `from_agent` on, that is this agent and all that build on it; without
/// one, from the first agent that did not end well, or everything when all did. Earlier outputs go into the record as candidates: [`next`] takes them when
/// their keys still hold.
///
/// # Errors
/// When there is no such agent: the names there are.
pub(crate) fn agents_of_retry(
    pipeline: &Pipeline,
    earlier: &Run,
    from_agent: Option<&str>,
) -> Result<Vec<RunAgent>, Vec<&'static str>> {
    let first = match from_agent {
        Some(name) => pipeline
            .agents
            .iter()
            .position(|agent| agent.name == name)
            .ok_or_else(|| pipeline.agents.iter().map(|agent| agent.name).collect::<Vec<_>>())?,
        None => earlier.agents.iter().position(|record| !is_done(record) || is_rejected(record)).unwrap_or(0),
    };
    let mut agents = agents_of(pipeline);
    for (index, record) in agents.iter_mut().enumerate() {
        let builds_on_first = match pipeline.agents[index].setup.needs {
            None => index > first,
            Some(needs) => needs.contains(&first),
        };
        if index == first || builds_on_first || (from_agent.is_none() && all_done(earlier)) {
            continue;
        }
        if let Some(before) = earlier.agents.iter().find(|before| before.agent == record.agent)
            && is_done(before)
        {
            record.output.clone_from(&before.output);
            record.summary.clone_from(&before.summary);
            record.shortfall.clone_from(&before.shortfall);
            // What was approved stays approved; what was rejected is asked about again.
            record.answer.clone_from(&before.answer);
            record.answer.take_if(|answer| !answer.approved);
        }
    }
    Ok(agents)
}

/// Whether every agent of a run ended well.
fn all_done(run: &Run) -> bool {
    run.agents.iter().all(|record| is_done(record) && !is_rejected(record))
}

/// The files of a run, by path: of two agents that wrote the same path, the later one's. Only agents that have ended
/// count.
pub(crate) fn files_of(run: &Run) -> BTreeMap<&str, &ManifestFile> {
    run.agents
        .iter()
        .filter(|record| is_done(record))
        .filter_map(|record| record.output.as_ref())
        .flat_map(|output: &AgentManifest| &output.files)
        .map(|file| (file.path.as_str(), file))
        .collect()
}

fn is_rejected(record: &RunAgent) -> bool {
    record.answer.as_ref().is_some_and(|answer| !answer.approved)
}

/// Whether an agent has ended well.
pub(crate) fn is_done(record: &RunAgent) -> bool {
    record.output.is_some()
        && matches!(record.status, Some(AgentStatus::Completed | AgentStatus::Reused | AgentStatus::Skipped))
}

/// Whether an agent was not needed: nobody is asked about nothing.
fn made_nothing(agent: &Agent, record: &RunAgent) -> bool {
    let empty = record.output.as_ref().is_none_or(|output| output.files.is_empty());
    match record.status {
        Some(AgentStatus::Skipped) => true,
        // Taken over from an earlier run, in which its condition did not hold either.
        Some(AgentStatus::Reused) => agent.setup.when.is_some() && empty,
        _ => false,
    }
}

fn key(run: &Run, agent: &Agent, executor: &str, files: &BTreeMap<&str, &ManifestFile>) -> String {
    #[derive(Serialize)]
    struct Decides<'a> {
        executor: &'a str,
        pipeline: &'a str,
        agent: &'a str,
        version: u32,
        brief: &'a str,
        params: BTreeMap<&'a String, &'a Value>,
        files: Vec<(&'a str, &'a str)>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        inputs: &'a [RunInput],
    }
    let fingerprint = agent.setup.executor.fingerprint();
    let decides = Decides {
        executor: fingerprint.as_deref().unwrap_or(executor),
        pipeline: &run.pipeline,
        agent: agent.name,
        version: agent.version,
        brief: &run.brief,
        params: run.params.iter().collect(),
        files: files.values().map(|file| (file.path.as_str(), file.sha256.as_str())).collect(),
        inputs: &run.inputs,
    };
    let json =
        serde_json::to_vec(&decides).expect("strings, numbers and maps with string keys have a JSON form");
    hex::encode(Sha256::digest(&json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fixtures::{DIAMOND, PIPELINE, PIPELINE_RAISED, run, run_of};

    fn following(run: &Run, pipeline: &Pipeline, executor: &str) -> Next {
        next(run, pipeline, executor, &BTreeSet::new())
    }

    fn complete(run: &mut Run, work: Work, status: AgentStatus) {
        let name = run.agents[work.index].agent.clone();
        let file = ManifestFile { path: format!("{name}.txt"), sha256: format!("sha-{name}"), size: 1 };
        run.agents[work.index].status = Some(status);
        run.agents[work.index].output = Some(AgentManifest { key: work.key, files: vec![file] });
    }

    fn work(run: &Run) -> Work {
        match following(run, &PIPELINE, "builtin") {
            Next::Work(mut work) if work.len() == 1 => work.remove(0),
            other => unreachable!("{other:?}"),
        }
    }

    fn completed() -> Run {
        let mut run = run();
        while let Next::Work(work) = following(&run, &PIPELINE, "builtin") {
            work.into_iter().for_each(|work| complete(&mut run, work, AgentStatus::Completed));
        }
        run
    }

    #[test]
    fn goes_through_the_agents_and_hands_files_on() {
        let mut run = run();
        for (index, inputs) in [(0, 0), (1, 1), (2, 2)] {
            let work = work(&run);
            assert_eq!((work.index, work.inputs.len()), (index, inputs));
            complete(&mut run, work, AgentStatus::Completed);
        }
        assert_eq!(following(&run, &PIPELINE, "builtin"), Next::Finish);
        assert_eq!(files_of(&run).len(), 3);
    }

    #[test]
    fn goes_on_at_an_agent_that_was_interrupted() {
        let mut run = run();
        let first = work(&run);
        complete(&mut run, first, AgentStatus::Completed);
        run.agents[1].status = Some(AgentStatus::Started);
        assert_eq!(work(&run).index, 1);
    }

    #[test]
    fn a_key_changes_with_everything_that_decides_the_output() {
        let base = run();
        let key = work(&base).key;
        assert_eq!(work(&run()).key, key);
        let mut brief = base.clone();
        brief.brief.push('!');
        let mut params = base.clone();
        params.params.insert("seed".to_owned(), Value::from(1));
        let mut other = base.clone();
        other.pipeline.push('2');
        for changed in [brief, params, other] {
            assert_ne!(work(&changed).key, key);
        }
        assert!(matches!(following(&base, &PIPELINE, "command"), Next::Work(work) if work[0].key != key));
        assert!(
            matches!(following(&base, &PIPELINE_RAISED, "builtin"), Next::Work(work) if work[0].key != key)
        );
    }

    #[test]
    fn an_output_of_an_older_version_is_made_again_with_all_that_follows() {
        assert!(
            matches!(following(&completed(), &PIPELINE_RAISED, "builtin"), Next::Work(work) if work[0].index == 0)
        );
    }

    #[test]
    fn a_retry_takes_what_stands_before_the_agent() {
        let mut earlier = completed();
        earlier.agents[2].status = Some(AgentStatus::Failed);
        earlier.agents[2].output = None;
        for (from, reused) in [(None, vec![0, 1]), (Some("second"), vec![0]), (Some("first"), vec![])] {
            let mut retry = run();
            retry.agents = agents_of_retry(&PIPELINE, &earlier, from).unwrap();
            let step = following(&retry, &PIPELINE, "builtin");
            if reused.is_empty() {
                assert!(matches!(step, Next::Work(work) if work[0].index == 0));
                continue;
            }
            assert_eq!(step, Next::Reuse(reused.clone()));
            for index in &reused {
                retry.agents[*index].status = Some(AgentStatus::Reused);
            }
            assert_eq!(work(&retry).index, reused.len());
        }
        assert_eq!(
            agents_of_retry(&PIPELINE, &earlier, Some("none")).unwrap_err(),
            ["first", "second", "third"]
        );
        // All agents ended well: without a name, everything is made anew.
        let all = agents_of_retry(&PIPELINE, &completed(), None).unwrap();
        assert!(all.iter().all(|record| record.output.is_none()));
        // With other inputs, a candidate does not count.
        let mut retry = run();
        retry.agents = agents_of_retry(&PIPELINE, &earlier, None).unwrap();
        retry.brief.push('!');
        assert_eq!(work(&retry).index, 0);
    }

    fn indexes(work: &[Work]) -> Vec<usize> {
        work.iter().map(|work| work.index).collect()
    }

    #[test]
    fn agents_work_at_once_when_they_have_what_they_need() {
        let mut run = run_of(&DIAMOND);
        let next = |run: &Run, busy: &[usize]| {
            super::next(run, &DIAMOND, "builtin", &busy.iter().copied().collect())
        };
        let Next::Work(mut first) = next(&run, &[]) else { unreachable!() };
        assert_eq!(indexes(&first), [0, 4], "the one that needs nothing does not wait");
        assert_eq!(next(&run, &[0, 4]), Next::Wait);
        complete(&mut run, first.remove(0), AgentStatus::Completed);
        let Next::Work(mut both) = next(&run, &[4]) else { unreachable!() };
        assert_eq!(indexes(&both), [1, 2]);
        assert!(both.iter().all(|work| work.inputs.len() == 1), "{both:?}");
        let right = both.remove(1);
        complete(&mut run, right, AgentStatus::Completed);
        assert_eq!(next(&run, &[1, 4]), Next::Wait);
        complete(&mut run, both.remove(0), AgentStatus::Completed);
        let Next::Work(last) = next(&run, &[4]) else { unreachable!() };
        assert_eq!((last[0].index, last[0].inputs.len()), (3, 3), "what a need builds on is handed through");
        complete(&mut run, last[0].clone(), AgentStatus::Completed);
        let Next::Work(alone) = next(&run, &[]) else { unreachable!() };
        assert_eq!((indexes(&alone), alone[0].inputs.len()), (vec![4], 0));
        complete(&mut run, alone[0].clone(), AgentStatus::Completed);
        assert_eq!(next(&run, &[]), Next::Finish);
        // A retry from one branch keeps the other one.
        let mut retry = run.clone();
        retry.agents = agents_of_retry(&DIAMOND, &run, Some("left")).unwrap();
        assert_eq!(next(&retry, &[]), Next::Reuse(vec![0, 2, 4]));
        // What was cut short goes on wherever output is missing.
        run.agents[1].output = None;
        run.agents[4].output = None;
        let Next::Work(missing) = next(&run, &[]) else { unreachable!() };
        assert_eq!(indexes(&missing), [1, 4]);
    }
}
