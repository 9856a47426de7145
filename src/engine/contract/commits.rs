//! Rules 1 to 4 and 7: what a batch does, what is announced, what is too much.

use super::*;

// Rule 1: one transaction per batch.

pub async fn a_batch_is_done_whole_or_not_at_all(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    let nowhere = ProjectId::generate();
    let refused = commit(
        &*engine,
        [
            append(project.id, &["lost"]),
            insert(&run),
            Change::KeepAnswer { key: "key".to_owned(), answer: kept("{}", NOW.plus_ms(1)), now: NOW },
            Change::SaveState { room: project.id, state: SavedState { seq: 1, state_json: "{}".into() } },
            append(nowhere, &["nowhere"]),
        ],
    )
    .await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"));
    assert_eq!(log_of(&*engine, project.id).await, []);
    assert_eq!(engine.run(run.id).await.unwrap(), None);
    assert_eq!(engine.idempotent_answer("key".to_owned(), NOW).await.unwrap(), None);
    assert_eq!(engine.saved_state(project.id).await.unwrap(), None);
}

pub async fn changes_are_done_in_order(factory: &impl Factory) {
    let engine = factory.open();
    let project = a_project();
    let run = a_run(&project);
    commit(
        &*engine,
        [
            Change::CreateProject(project.clone()),
            insert(&run),
            update(&run, RunStatus::Starting, 1),
            update(&run, RunStatus::Running, 2),
            update(&run, RunStatus::Completed, 3),
            insert(&a_run(&project)),
        ],
    )
    .await
    .unwrap();
    let stored = engine.run(run.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.version), (RunStatus::Completed, 4));

    // A project can be removed and made again in one batch, and is then another one.
    let other = a_project();
    commit(
        &*engine,
        [
            Change::CreateProject(other.clone()),
            append(other.id, &["before"]),
            Change::RemoveProject(other.id),
            Change::CreateProject(other.clone()),
            append(other.id, &["after"]),
        ],
    )
    .await
    .unwrap();
    assert_eq!(names_of(&*engine, other.id).await, numbered(&["after"]));
}

pub async fn a_refused_batch_leaves_the_others_of_its_group(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let mut answers = Vec::new();
    // Handed over together, so that an engine that groups has them in one group.
    for number in 0..60 {
        let name = number.to_string();
        let changes = match number % 3 {
            0 => vec![append(project.id, &[&name])],
            1 => vec![append(project.id, &[&name]), update(&run, RunStatus::Starting, 99)],
            _ => vec![append(project.id, &[&name]), append(ProjectId::generate(), &["nowhere"])],
        };
        answers.push((number, engine.commit(Batch::of(changes))));
    }
    let mut expected = Vec::new();
    for (number, answer) in answers {
        match (number % 3, answer.await) {
            (0, Ok(committed)) => {
                expected.push(number.to_string());
                assert_eq!(committed.positions[0].seq, expected.len() as u64);
            }
            (1, Err(error)) => assert_eq!(error, EngineError::Conflict(RunStatus::Queued)),
            (2, Err(error)) => assert_eq!(error, EngineError::NotFound("project")),
            (_, other) => panic!("batch {number}: {other:?}"),
        }
    }
    let names: Vec<_> = names_of(&*engine, project.id).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, expected);
}

// Rule 2: numbers without holes.

pub async fn numbers_have_no_holes(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let room = project.id;
    let bounds = engine.log_bounds(room).await.unwrap().unwrap();
    assert_eq!((bounds.first, bounds.last), (1, 0));
    commit(&*engine, [append(room, &["a", "b"])]).await.unwrap();
    let refused = [append(room, &["refused"]), Change::CreateProject(project.clone())];
    commit(&*engine, refused).await.unwrap_err();
    commit(&*engine, [append(room, &["c"])]).await.unwrap();
    assert_eq!(names_of(&*engine, room).await, numbered(&["a", "b", "c"]));
    let end = LogBounds { epoch: bounds.epoch, first: 1, last: 3 };
    assert_eq!(engine.log_bounds(room).await.unwrap(), Some(end));
    assert_eq!(engine.log_bounds(ProjectId::generate()).await.unwrap(), None);
}

pub async fn positions_are_those_after_each_append(factory: &impl Factory) {
    let engine = factory.open();
    let (first, second) = (with_project(&*engine).await.id, with_project(&*engine).await.id);
    let changes =
        [append(first, &["a", "b"]), append(second, &["c"]), append(first, &["d"]), append(second, &[])];
    let committed = commit(&*engine, changes).await.unwrap();
    let mut expected = Vec::new();
    for (room, seq) in [(first, 2), (second, 1), (first, 3), (second, 1)] {
        let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
        expected.push(Position { epoch, seq });
    }
    assert_eq!(committed.positions, expected);
}

// Rule 3: compare and set.

pub async fn an_update_needs_the_expected_version(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    for wrong in [0, 2, u64::MAX - 1] {
        let refused = commit(&*engine, [update(&run, RunStatus::Starting, wrong)]).await;
        assert_eq!(refused.unwrap_err(), EngineError::Conflict(RunStatus::Queued), "{wrong}");
    }
    let misnumbered = Run { version: 77, message: "starting".to_owned(), ..run.clone() };
    commit(&*engine, [update(&misnumbered, RunStatus::Starting, 1)]).await.unwrap();
    let stored = engine.run(run.id).await.unwrap().unwrap();
    assert_eq!(stored, Run { version: 2, status: RunStatus::Starting, ..misnumbered });

    let unknown = commit(&*engine, [update(&a_run(&project), RunStatus::Starting, 1)]).await;
    assert_eq!(unknown.unwrap_err(), EngineError::NotFound("run"));
}

pub async fn an_update_needs_an_allowed_transition(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    for from in RunStatus::ALL {
        for to in RunStatus::ALL {
            let run = Run { status: from, ..a_run(&project) };
            commit(&*engine, [Change::InsertRun { run: run.clone(), beside_active: true }]).await.unwrap();
            let answer = commit(&*engine, [update(&run, to, 1)]).await;
            let stored = engine.run(run.id).await.unwrap().unwrap();
            if from.may_become(to) {
                answer.unwrap();
                assert_eq!((stored.status, stored.version), (to, 2), "{from:?} -> {to:?}");
            } else {
                assert_eq!(answer.unwrap_err(), EngineError::Conflict(from), "{from:?} -> {to:?}");
                assert_eq!((stored.status, stored.version), (from, 1), "{from:?} -> {to:?}");
            }
        }
    }
}

pub async fn one_of_a_hundred_wins_a_transition(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (engine, run) = (engine.clone(), run.clone());
        tasks.spawn(async move {
            let name = number.to_string();
            let changes = [append(run.project_id, &[&name]), update(&run, RunStatus::Starting, 1)];
            (name, engine.commit(Batch::of(changes)).await)
        });
    }
    let mut winners = Vec::new();
    while let Some(task) = tasks.join_next().await {
        match task.unwrap() {
            (name, Ok(_)) => winners.push(name),
            (_, Err(error)) => assert_eq!(error, EngineError::Conflict(RunStatus::Starting)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(names_of(&*engine, project.id).await, numbered(&[&winners[0]]));
}

// Rule 4: persist, then publish.

pub async fn events_are_announced_before_the_answer(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
    for number in 1..=20_u64 {
        let name = number.to_string();
        commit(&*engine, [append(room, &[&name])]).await.unwrap();
        let heard = ear.heard();
        assert_eq!(heard.len(), number as usize);
        assert_eq!(heard.last(), Some(&Heard::Appended(room, epoch, number, name)));
    }
    let refused = [append(room, &["refused"]), append(ProjectId::generate(), &["nowhere"])];
    commit(&*engine, refused).await.unwrap_err();
    assert_eq!(ear.heard().len(), 20);
}

pub async fn order_holds_under_many_publishers(factory: &impl Factory) {
    const ROOMS: usize = 8;
    const PUBLISHERS: usize = 64;
    const BATCHES: usize = 25;
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(with_project(&*engine).await.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (engine, rooms) = (engine.clone(), rooms.clone());
        tasks.spawn(async move {
            for batch in 0..BATCHES {
                let name = format!("{publisher}/{batch}");
                let room = rooms[(publisher + batch) % ROOMS];
                let committed = engine.commit(Batch::of([append(room, &[&name, &name])])).await.unwrap();
                let seq = committed.positions[0].seq;
                let after = ReadLimit { events: 2, bytes: usize::MAX };
                let page = engine.read_log(room, seq - 2, after).await.unwrap();
                assert_eq!(page.events.iter().map(name_of).collect::<Vec<_>>(), [&*name, &*name]);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let mut heard = BTreeMap::<ProjectId, Vec<(u64, String)>>::new();
    for item in ear.heard() {
        if let Heard::Appended(room, _, seq, name) = item {
            heard.entry(room).or_default().push((seq, name));
        }
    }
    assert_eq!(heard.values().map(Vec::len).sum::<usize>(), 2 * PUBLISHERS * BATCHES);
    for room in rooms {
        // Exactly once, in order, without holes, and the same as what is stored.
        assert!(heard[&room].iter().map(|(seq, _)| *seq).eq(1..=heard[&room].len() as u64));
        assert_eq!(heard[&room], names_of(&*engine, room).await);
    }
}

pub async fn a_removed_room_is_announced(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &["last"])]).await.unwrap();
    let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
    commit(&*engine, [Change::RemoveProject(room)]).await.unwrap();
    let expected = [Heard::Appended(room, epoch, 1, "last".to_owned()), Heard::Removed(room)];
    assert_eq!(ear.heard(), expected);
}

// Rule 7: bounded.

pub async fn too_much_waiting_is_busy(factory: &impl Factory) {
    const MORE_THAN_ANY_BOUND: usize = 200_000;
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    ear.hold();
    let mut answers = Vec::new();
    let mut refused = None;
    for _ in 0..MORE_THAN_ANY_BOUND {
        let mut answer = engine.commit(Batch::of([append(room, &["one of many"])]));
        // A refusal for want of room is said at once.
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => {
                refused = result.err();
                break;
            }
            Poll::Pending => answers.push(answer),
        }
    }
    assert_eq!(refused, Some(EngineError::Busy));
    ear.release();
    let accepted = answers.len() as u64;
    for answer in answers {
        answer.await.unwrap();
    }
    assert_eq!(engine.log_bounds(room).await.unwrap().unwrap().last, accepted);
    commit(&*engine, [append(room, &["room again"])]).await.unwrap();
}
