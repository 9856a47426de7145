use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::event::Eta;
use crate::runs::fixtures;

const NOW: Timestamp = Timestamp(1_000);

fn waits(run: u128, project: u128, priority: i32, at: i64) -> Run {
    let mut waits = fixtures::run();
    waits.id = RunId(Uuid::from_u128(run));
    waits.project_id = ProjectId(Uuid::from_u128(project));
    waits.priority = priority;
    waits.created_at = Timestamp(at);
    waits
}

fn id(run: u128) -> RunId {
    RunId(Uuid::from_u128(run))
}

fn numbers(runs: Vec<RunId>) -> Vec<u128> {
    runs.into_iter().map(|run| run.0.as_u128()).collect()
}

fn position(queue: &Queue, run: RunId) -> Option<u32> {
    queue.standing(run).map(|standing| standing.position)
}

fn queue(all: usize) -> Queue {
    Queue::new(RunLimits::of_all(all), 60_000)
}

#[test]
fn serves_priority_then_age_and_one_per_project() {
    let mut queue = queue(2);
    queue.push(&waits(1, 10, 0, 100));
    queue.push(&waits(2, 11, 0, 50));
    queue.push(&waits(3, 12, 5, 200));
    queue.push(&waits(4, 12, 5, 201));
    assert_eq!(queue.standing_of(&waits(9, 19, 0, 60)).position, 3);
    assert_eq!([1, 2, 3, 4].map(|run| position(&queue, id(run))), [3, 2, 0, 1].map(Some));
    assert_eq!(queue.oldest(), Some(Timestamp(50)));
    assert_eq!(numbers(queue.admit(NOW)), [3, 2]);
    assert_eq!(numbers(queue.admit(NOW)), []);
    queue.release(id(2), Some(10));
    // Run 4 goes first by priority, but its project is busy.
    assert_eq!(numbers(queue.admit(NOW)), [1]);
    queue.release(id(3), None);
    assert_eq!(numbers(queue.admit(NOW)), [4]);
    assert_eq!((queue.depth(), queue.active()), (0, 2));
}

#[test]
fn a_run_behind_one_of_its_own_project_is_not_next() {
    let mut queue = queue(3);
    let of_10 = |run| waits(run, 10, 0, 100 + i64::try_from(run).unwrap());
    queue.push(&of_10(1));
    assert_eq!(numbers(queue.admit(NOW)), [1]);
    let standing = |queue: &Queue, run| queue.standing_of(&of_10(run));
    // Nobody knows how long the one that works takes, and certainly it does not start now.
    assert_eq!(standing(&queue, 2), Standing { position: 1, starts_in: None });
    queue.release(id(1), Some(4_000));
    queue.push(&of_10(2));
    assert_eq!(numbers(queue.admit(NOW)), [2]);
    queue.push(&of_10(3));
    assert_eq!(numbers(queue.admit(NOW)), []);
    let third = Standing { position: 1, starts_in: Some(Eta { low_ms: 0, high_ms: 4_000 }) };
    assert_eq!(queue.standing(id(3)), Some(third));
    let fourth = Standing { position: 2, starts_in: Some(Eta { low_ms: 4_000, high_ms: 8_000 }) };
    assert_eq!(standing(&queue, 4), fourth);
    // One of another project has room at once, and is behind nobody who holds it up but the order.
    let other = queue.standing_of(&waits(9, 11, 5, 300));
    assert_eq!(other, Standing { position: 0, starts_in: Some(Eta { low_ms: 0, high_ms: 0 }) });
    queue.remove(id(3));
    assert_eq!(standing(&queue, 4).position, 1);
    queue.release(id(2), None);
    assert_eq!(standing(&queue, 4).position, 0);
}

#[test]
fn lanes_go_before_priorities() {
    let mut queue = queue(1);
    for (run, lane, priority) in
        [(1, Lane::Bulk, 100), (2, Lane::Normal, -5), (3, Lane::Interactive, -100), (4, Lane::Normal, 7)]
    {
        let mut waits = waits(run, run, priority, 0);
        waits.control.lane = lane;
        queue.push(&waits);
    }
    assert_eq!(queue.depth_by_lane(), [1, 2, 1]);
    let mut served = Vec::new();
    while let [run] = queue.admit(NOW)[..] {
        served.push(run.0.as_u128());
        queue.release(run, None);
    }
    assert_eq!(served, [3, 4, 2, 1]);
}

#[test]
fn every_fourth_goes_to_whoever_has_waited_too_long() {
    let mut queue = queue(1);
    for run in 1..=3 {
        let mut bulk = waits(run, run, 0, i64::try_from(run).unwrap());
        bulk.control.lane = Lane::Bulk;
        queue.push(&bulk);
    }
    let now = Timestamp(70_000);
    let mut served = Vec::new();
    for run in 100..116 {
        // There is always something more urgent.
        queue.push(&waits(run, run, 0, now.0));
        queue.push(&waits(run + 100, run + 100, 0, now.0));
        let [run] = queue.admit(now)[..] else { panic!("one is admitted") };
        queue.release(run, None);
        served.push(run.0.as_u128());
    }
    let aged: Vec<u128> = served.iter().copied().filter(|run| *run < 100).collect();
    assert_eq!(aged, [1, 2, 3]);
    assert_eq!([served[3], served[7], served[11]], [1, 2, 3]);
}

#[test]
fn limits_hold_and_let_others_pass() {
    let limits = RunLimits {
        all: 10,
        per_pipeline: Some(3),
        per_caller: Some(2),
        resources: [("gpu".to_owned(), 1)].into(),
    };
    let mut queue = Queue::new(limits, 60_000);
    let mut push = |run: u128, pipeline: &str, caller: &str, gpu: bool| {
        let mut waits = waits(run, run, 0, i64::try_from(run).unwrap());
        waits.pipeline = pipeline.to_owned();
        waits.control.caller = Some(caller.to_owned());
        waits.control.resources = gpu.then(|| "gpu".to_owned()).into_iter().collect();
        queue.push(&waits);
    };
    for run in 1..=4 {
        push(run, "app", "ada", false);
    }
    push(5, "app", "bob", true);
    push(6, "app", "bob", true);
    push(7, "image", "cyd", true);
    push(8, "image", "cyd", false);
    // Two of Ada, one of Bob (the pipeline is full with it), none more with a graphics card.
    assert_eq!(numbers(queue.admit(NOW)), [1, 2, 5, 8]);
    queue.release(id(5), None);
    // The card and a place of the pipeline: run 6 is before run 7, and Ada has two already.
    assert_eq!(numbers(queue.admit(NOW)), [6]);
    queue.release(id(1), None);
    assert_eq!(numbers(queue.admit(NOW)), [3]);
    queue.release(id(6), None);
    assert_eq!(numbers(queue.admit(NOW)), [7]);
    queue.remove(id(4));
    assert_eq!((queue.depth(), queue.active()), (0, 4));
    assert!(queue.held.is_empty() && queue.freed.is_empty());
}

#[test]
fn is_bounded_and_says_when_to_try_again() {
    let mut queue = queue(2);
    assert_eq!(queue.reserve(1), Ok(()));
    assert_eq!(queue.reserve(1), Err(3));
    queue.release_place();
    queue.push(&waits(7, 17, 0, 0));
    assert_eq!(numbers(queue.admit(NOW)), [7]);
    queue.release(id(7), Some(60_000));
    queue.push(&waits(8, 18, 0, 0));
    assert_eq!(numbers(queue.admit(NOW)), [8]);
    queue.push(&waits(1, 10, 0, 1));
    assert_eq!(queue.reserve(1), Err(30));
    queue.remove(id(1));
    assert_eq!(queue.reserve(1), Ok(()));
}

#[test]
fn who_starts_at_once_is_behind_nobody_that_is_held() {
    let mut queue = queue(3);
    queue.push(&waits(1, 10, 0, 1));
    queue.push(&waits(2, 10, 0, 2));
    assert_eq!(numbers(queue.admit(NOW)), [1]);
    // Run 2 waits for its project; nothing keeps a run of another one.
    let at_once = Standing { position: 0, starts_in: Some(Eta { low_ms: 0, high_ms: 0 }) };
    assert_eq!(queue.standing_of(&waits(3, 11, 0, 3)), at_once);
    assert_eq!(position(&queue, id(2)), Some(1));
    queue.push(&waits(4, 12, 0, 4));
    queue.push(&waits(5, 13, 0, 5));
    assert_eq!(numbers(queue.admit(NOW)), [4, 5]);
    // Full: run 2 may well go first.
    assert_eq!(queue.standing_of(&waits(3, 11, 0, 6)).position, 1);
}

#[test]
fn nobody_guesses_from_another_pipeline() {
    let mut queue = queue(1);
    let of = |run: u128, pipeline: &str| {
        let mut waits = waits(run, run, 0, i64::try_from(run).unwrap());
        waits.pipeline = pipeline.to_owned();
        waits
    };
    queue.push(&of(1, "quick"));
    assert_eq!(numbers(queue.admit(NOW)), [1]);
    queue.release(id(1), Some(1_000));
    queue.push(&of(2, "slow"));
    assert_eq!(numbers(queue.admit(NOW)), [2]);
    // What works is of a pipeline that nothing is known of.
    assert_eq!(queue.standing_of(&of(3, "quick")), Standing { position: 0, starts_in: None });
    queue.release(id(2), Some(8_000));
    queue.push(&of(4, "slow"));
    assert_eq!(numbers(queue.admit(NOW)), [4]);
    let behind = Standing { position: 0, starts_in: Some(Eta { low_ms: 0, high_ms: 8_000 }) };
    assert_eq!(queue.standing_of(&of(5, "quick")), behind);
    queue.push(&of(5, "quick"));
    queue.push(&of(6, "new"));
    assert_eq!(queue.standing(id(5)), Some(behind));
    assert_eq!(queue.standing_of(&of(7, "quick")), Standing { position: 2, starts_in: None });
    queue.remove(id(6));
    let second = Standing { position: 1, starts_in: Some(Eta { low_ms: 4_500, high_ms: 9_000 }) };
    assert_eq!(queue.standing_of(&of(7, "quick")), second);
    assert_eq!(queue.mixes.len(), 1);
    queue.remove(id(5));
    assert!(queue.mixes.is_empty());
}

#[test]
fn knows_who_has_waited_since_when() {
    let mut queue = queue(1);
    for (run, queued_at) in [(1, None), (2, Some(Timestamp(500))), (3, Some(Timestamp(20)))] {
        let mut waits = waits(run, run, 0, 10);
        waits.control.queued_at = queued_at;
        queue.push(&waits);
    }
    assert_eq!(numbers(queue.queued_until(Timestamp(9))), []);
    assert_eq!(numbers(queue.queued_until(Timestamp(20))), [1, 3]);
}

/// Ten thousand that wait, most of them held by one limit: each admission touches few of them.
#[test]
fn ten_thousand_are_served_in_order() {
    let mut queue = queue(4);
    let lanes = [Lane::Interactive, Lane::Normal, Lane::Bulk];
    let mut expected = Vec::new();
    for run in 0..10_000_u128 {
        let number = i64::try_from(run).unwrap();
        let mut waits = waits(run, run, i32::try_from(run * 7 % 11).unwrap() - 5, number % 977);
        waits.control.lane = lanes[usize::try_from(run % 3).unwrap()];
        expected.push((waits.control.lane, Reverse(waits.priority), waits.created_at, waits.id));
        queue.push(&waits);
    }
    expected.sort_unstable();
    for (place, of_run) in expected.iter().enumerate().step_by(997) {
        assert_eq!(position(&queue, of_run.3), u32::try_from(place).ok());
    }
    let mut served = Vec::new();
    loop {
        let admitted = queue.admit(NOW);
        if admitted.is_empty() {
            break;
        }
        for run in admitted {
            served.push(run);
            queue.release(run, Some(1));
        }
    }
    assert_eq!(served, expected.into_iter().map(|of_run| of_run.3).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn never_admits_too_many_nor_leaves_out_who_may_work(
        steps in prop::collection::vec((0u8..3, 0u128..12, 0u128..4, -2i32..3, 0i64..50), 1..80),
        limit in 1usize..4,
    ) {
        let limits = RunLimits { per_caller: Some(2), ..RunLimits::of_all(limit) };
        let mut queue = Queue::new(limits, 20);
        let mut working: HashMap<RunId, ProjectId> = HashMap::new();
        let mut projects: HashMap<u128, ProjectId> = HashMap::new();
        for (what, run, project, priority, at) in steps {
            // A run belongs to one project for good.
            let project = projects.entry(run).or_insert(ProjectId(Uuid::from_u128(project))).0.as_u128();
            let mut waits = waits(run, project, priority, at);
            let caller = |run: u128| format!("caller {}", run % 2);
            waits.control.caller = Some(caller(run));
            match what {
                0 => queue.push(&waits),
                1 => queue.remove(waits.id),
                _ => { queue.release(waits.id, None); working.remove(&waits.id); }
            }
            for admitted in queue.admit(Timestamp(40)) {
                let project = projects[&admitted.0.as_u128()];
                prop_assert!(working.values().all(|busy| *busy != project));
                prop_assert!(working.insert(admitted, project).is_none());
            }
            prop_assert!(working.len() <= limit);
            prop_assert_eq!(working.len(), queue.active());
            let of_caller = |number: u128| working.keys().filter(|run| run.0.as_u128() % 2 == number).count();
            prop_assert!(of_caller(0) <= 2 && of_caller(1) <= 2);
            // Whoever still waits is held by something.
            if working.len() < limit {
                for run in queue.waiting.keys() {
                    let held = working.values().any(|busy| *busy == projects[&run.0.as_u128()])
                        || of_caller(run.0.as_u128() % 2) == 2;
                    prop_assert!(held, "{run} waits for nothing");
                }
            }
            prop_assert_eq!(queue.waiting.len(), queue.ready.len() + queue.held.values().map(BTreeSet::len).sum::<usize>());
        }
    }
}
