//! Processes that do not want to end.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::domain::run::RunStatus;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::AgentOutput;
use crate::runs::RunsSettings;
use crate::runs::executors::children::{ChildProcess, ChildRegistry};
use crate::runs::executors::{ScriptRunError, ScriptRunner};
use crate::runs::tests::{Door, House, eventually, plain, settings};

/// A process that ignores a polite request, and an agent that does nothing about it.
#[derive(Default)]
struct Stubborn {
    started: AtomicUsize,
    child: Mutex<Option<ChildProcess>>,
}

impl ScriptRunner for Stubborn {
    fn run(
        &self,
        children: &ChildRegistry,
        _: &ScriptJob,
        _: &dyn Fn() -> bool,
        _: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, ScriptRunError> {
        let mut shell = Command::new("sh");
        // It says that it ignores the signal before anybody may send it.
        shell.args(["-c", "trap '' TERM; echo ready; while :; do read -r line; done"]);
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let _stdin = child.stdin.take();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let ticket = children.register(child.id());
        *self.child.lock().unwrap() = Some(ticket.child());
        self.started.fetch_add(1, Ordering::SeqCst);
        child.wait().unwrap();
        Err(ScriptRunError::Cancelled)
    }
}

fn a_job() -> ScriptJob {
    ScriptJob { files: BTreeMap::new(), steps: Vec::new(), memory_bytes: 0, step_ms: 0 }
}

#[actix_rt::test]
async fn a_process_that_ignores_term_is_killed_and_counted() {
    let house = House::new();
    let scripts = Arc::new(Stubborn::default());
    let patience = RunsSettings { kill_after_ms: 150, ..settings() };
    let boot = house.boot_with(patience, None, scripts.clone(), |_, _, host| {
        host.run_scripts(&a_job(), &mut |_, _| ())?;
        Ok(AgentOutput::default())
    });
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    eventually("the child", async || scripts.started.load(Ordering::SeqCst) == 1).await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (run, completion) = house.ended(run.id).await;
    let evidence = run.evidence.unwrap();
    assert_eq!((run.status, evidence.processes_ended, evidence.processes_left), (RunStatus::Cancelled, 1, 0));
    assert!(evidence.took_ms >= 150, "{evidence:?}");
    assert!(completion.message.starts_with("Cancelled: 1 process ended, 0 left, "), "{}", completion.message);
    assert!(!scripts.child.lock().unwrap().unwrap().is_alive());
    boot.idle().await;
}

/// A child that cannot be ended, as one that hangs in the kernel: the ticket stays although nothing can be done.
#[actix_rt::test]
async fn the_watchdog_ends_the_run_and_says_what_it_could_not_stop() {
    struct Undead(Arc<Door>);
    impl ScriptRunner for Undead {
        fn run(
            &self,
            children: &ChildRegistry,
            _: &ScriptJob,
            _: &dyn Fn() -> bool,
            _: &mut dyn FnMut(usize, &ScriptOutcome),
        ) -> Result<Vec<ScriptOutcome>, ScriptRunError> {
            // No process has this id, so no signal reaches it.
            let _ticket = children.register(u32::MAX >> 1);
            self.0.pass();
            Err(ScriptRunError::Cancelled)
        }
    }
    let house = House::new();
    let door = Arc::new(Door::default());
    let patience =
        RunsSettings { kill_after_ms: 20, cancel_grace_ms: 50, cancel_limit_ms: 400, ..settings() };
    let boot = house.boot_with(patience, None, Arc::new(Undead(door.clone())), |agent, inputs, host| {
        host.run_scripts(&a_job(), &mut |_, _| ())?;
        plain(agent, inputs, host)
    });
    let run = boot.enqueue(&house.project("x").await).await.unwrap();
    door.arrived().await;
    boot.runs.cancel(run.id, "ada".to_owned()).await.unwrap();
    let (run, completion) = house.ended(run.id).await;
    let evidence = run.evidence.as_ref().unwrap();
    assert_eq!((evidence.processes_ended, evidence.processes_left), (0, 1));
    assert!(evidence.took_ms >= 400, "{evidence:?}");
    let left = format!("could not stop: process {}", u32::MAX >> 1);
    assert!(completion.message.ends_with(&left), "{}", completion.message);
    door.open();
    boot.idle().await;
    assert_eq!(house.run(run.id).await, run);
}
