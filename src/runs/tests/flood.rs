//! An agent that prints without end.

use std::time::Instant;

use crate::domain::event::{EventBody, LogLevel};
use crate::domain::run::RunStatus;
use crate::runs::log_batch::EVENT_LINES_MAX;
use crate::runs::log_pace::EVENTS_PER_SECOND_MAX;
use crate::runs::tests::{House, plain, settings};

const LINES: u64 = 100_000;

#[actix_rt::test]
async fn a_hundred_thousand_lines_are_few_events_and_all_on_record() {
    let house = House::new();
    let boot = house.boot(settings(), None, |agent, inputs, host| {
        if agent == "two" {
            for n in 1..=LINES {
                host.log(LogLevel::Info, &format!("line {n} of a flood"));
                host.progress(n as f64 * 100.0 / LINES as f64, "flooding");
                if n % 1_000 == 0 {
                    host.check()?;
                }
            }
        }
        plain(agent, inputs, host)
    });
    let project = house.project("x").await;
    let since = Instant::now();
    let run = boot.enqueue(&project).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    let seconds = since.elapsed().as_secs() as usize + 1;
    assert_eq!(run.status, RunStatus::Completed);

    let total = LINES + 4;
    let (mut next, mut logs, mut progress) = (1, 0, 0);
    for (_, body) in house.log(project.id).await {
        match body {
            EventBody::Log(log) => {
                logs += 1;
                assert!(log.lines.len() <= EVENT_LINES_MAX);
                if let Some(skipped) = log.skipped {
                    assert_eq!(skipped.from, next);
                    next = skipped.to + 1;
                }
                for line in log.lines {
                    assert_eq!(line.n, next);
                    next += 1;
                }
            }
            EventBody::AgentUpdate(_) => progress += 1,
            _ => {}
        }
    }
    // Every line is in an event or said to be skipped, up to the very last.
    assert_eq!(next, total + 1);
    assert!(logs <= seconds * EVENTS_PER_SECOND_MAX as usize, "{logs} events in {seconds} s");
    assert!(progress <= seconds * 5 + 12, "{progress} updates in {seconds} s");
    boot.idle().await;
}
