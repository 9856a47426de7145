//! Projects, runs, the queue, idempotency keys, saved folds, figures.

use super::*;

// Projects and runs.

pub async fn a_taken_id_is_refused(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let again = commit(&*engine, [Change::CreateProject(project.clone())]).await;
    assert_eq!(again.unwrap_err(), EngineError::Taken);
    let again = commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await;
    assert_eq!(again.unwrap_err(), EngineError::Taken);
}

pub async fn an_unknown_project_is_not_found(factory: &impl Factory) {
    let engine = factory.open();
    let stranger = a_project();
    let state = SavedState { seq: 1, state_json: "{}".into() };
    for change in [
        Change::UpdateProject(stranger.clone()),
        Change::RemoveProject(stranger.id),
        insert(&a_run(&stranger)),
        append(stranger.id, &["event"]),
        append(stranger.id, &[]),
        Change::SaveState { room: stranger.id, state },
    ] {
        let refused = commit(&*engine, [change.clone()]).await;
        assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"), "{change:?}");
    }
    let limit = ReadLimit { events: 1, bytes: 1 };
    let refused = engine.read_log(stranger.id, 0, limit).await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"));
    assert_eq!(engine.project(stranger.id).await.unwrap(), None);
    assert_eq!(engine.saved_state(stranger.id).await.unwrap(), None);
    assert_eq!(engine.run(RunId::generate()).await.unwrap(), None);
    assert_eq!(engine.runs_of(stranger.id, 10).await.unwrap(), []);
}

pub async fn a_project_is_updated_but_not_its_origin(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let mut changed = project.clone();
    changed.name = "Films".to_owned();
    changed.brief = "Films with title and year".to_owned();
    changed.params.insert("seed".to_owned(), 7.into());
    changed.updated_at = NOW.plus_ms(5);
    let meddled = Project { pipeline: "image".to_owned(), created_at: Timestamp(1), ..changed.clone() };
    commit(&*engine, [Change::UpdateProject(meddled)]).await.unwrap();
    assert_eq!(engine.project(project.id).await.unwrap(), Some(changed));
}

pub async fn a_project_goes_with_all_that_is_its_own(factory: &impl Factory) {
    let engine = factory.open();
    let (gone, stays) = (with_project(&*engine).await, with_project(&*engine).await);
    let mut runs = Vec::new();
    for project in [&gone, &stays] {
        let run = Run { status: RunStatus::Completed, ..a_run(project) };
        let state = SavedState { seq: 1, state_json: "{}".into() };
        let changes =
            [insert(&run), append(project.id, &["a", "b"]), Change::SaveState { room: project.id, state }];
        commit(&*engine, changes).await.unwrap();
        runs.push(run);
    }
    let epoch = engine.log_bounds(gone.id).await.unwrap().unwrap().epoch;
    commit(&*engine, [Change::RemoveProject(gone.id)]).await.unwrap();
    assert_eq!(engine.project(gone.id).await.unwrap(), None);
    assert_eq!(engine.log_bounds(gone.id).await.unwrap(), None);
    assert_eq!(engine.saved_state(gone.id).await.unwrap(), None);
    assert_eq!(engine.run(runs[0].id).await.unwrap(), None);
    assert_eq!(engine.runs_of(gone.id, 10).await.unwrap(), []);

    assert_eq!(engine.run(runs[1].id).await.unwrap().as_ref(), Some(&runs[1]));
    assert_eq!(names_of(&*engine, stays.id).await, numbered(&["a", "b"]));
    assert!(engine.saved_state(stays.id).await.unwrap().is_some());

    // The same id again: a new log, so an old position must not fit.
    commit(&*engine, [Change::CreateProject(gone.clone())]).await.unwrap();
    let fresh = engine.log_bounds(gone.id).await.unwrap().unwrap();
    assert_eq!((fresh.first, fresh.last), (1, 0));
    assert_ne!(fresh.epoch, epoch);
    assert_eq!(engine.saved_state(gone.id).await.unwrap(), None);
}

pub async fn a_project_with_an_active_run_stays(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let refused = commit(&*engine, [Change::RemoveProject(project.id)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(run.id));
    commit(&*engine, [update(&run, RunStatus::Cancelled, 1), Change::RemoveProject(project.id)])
        .await
        .unwrap();
    assert_eq!(engine.project(project.id).await.unwrap(), None);
}

pub async fn a_second_active_run_is_refused(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let (first, second) = (a_run(&project), a_run(&project));
    commit(&*engine, [insert(&first)]).await.unwrap();
    let refused = commit(&*engine, [insert(&second)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(first.id));
    let beside = Run { created_at: NOW.plus_ms(1), ..a_run(&project) };
    commit(&*engine, [Change::InsertRun { run: beside.clone(), beside_active: true }]).await.unwrap();
    commit(&*engine, [update(&first, RunStatus::Cancelled, 1)]).await.unwrap();
    let refused = commit(&*engine, [insert(&second)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(beside.id));
    commit(&*engine, [update(&beside, RunStatus::Cancelled, 1)]).await.unwrap();
    commit(&*engine, [insert(&second)]).await.unwrap();
    // Another project does not matter.
    let other = with_project(&*engine).await;
    commit(&*engine, [insert(&a_run(&other))]).await.unwrap();
}

pub async fn the_queue_is_served_by_priority_then_age(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let mut ids = Vec::new();
    // (priority, age in ms before now, state), in the order in which they are to be served
    for (priority, age, status) in [
        (9, 10, RunStatus::Paused),
        (9, 10, RunStatus::Queued),
        (5, 99, RunStatus::Running),
        (0, 50, RunStatus::Queued),
        (0, 20, RunStatus::Cancelling),
        (-3, 99, RunStatus::Waiting),
    ] {
        let run = Run { priority, status, created_at: Timestamp(NOW.0 - age), ..a_run(&project) };
        ids.push(run.id);
        let (engine, changes) = (&*engine, [Change::InsertRun { run, beside_active: true }]);
        commit(engine, changes).await.unwrap();
    }
    for status in RunStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
        let run = Run { status, priority: 100, ..a_run(&project) };
        commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await.unwrap();
    }
    let served = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(served(engine.active_runs().await.unwrap()), ids);

    // A changed priority moves a run, a terminal state takes it out.
    let last = engine.run(ids[5]).await.unwrap().unwrap();
    let raised = Run { priority: 99, ..last };
    commit(&*engine, [update(&raised, RunStatus::Waiting, 1)]).await.unwrap();
    let first = engine.run(ids[0]).await.unwrap().unwrap();
    commit(&*engine, [update(&first, RunStatus::Cancelled, 1)]).await.unwrap();
    let expected = [ids[5], ids[1], ids[2], ids[3], ids[4]];
    assert_eq!(served(engine.active_runs().await.unwrap()), expected);
}

pub async fn projects_are_listed_newest_first(factory: &impl Factory) {
    let engine = factory.open();
    let mut projects = Vec::new();
    // Pairs of the same age: then the id decides.
    for number in 0..9 {
        let project = Project { created_at: NOW.plus_ms(number / 2), ..a_project() };
        commit(&*engine, [Change::CreateProject(project.clone())]).await.unwrap();
        projects.push(project);
    }
    projects.sort_by_key(|project| std::cmp::Reverse((project.created_at, project.id)));
    // The newest project has two runs, the next one run, the third one that works and one that waits behind it.
    let old = Run { status: RunStatus::Failed, ..a_run(&projects[0]) };
    let new = Run { created_at: NOW.plus_ms(9), ..a_run(&projects[0]) };
    let other = Run { status: RunStatus::Failed, ..a_run(&projects[1]) };
    commit(&*engine, [insert(&new), insert(&other)]).await.unwrap();
    commit(&*engine, [Change::InsertRun { run: old, beside_active: true }]).await.unwrap();
    let works = Run { status: RunStatus::Running, ..a_run(&projects[2]) };
    let waits = Run { created_at: NOW.plus_ms(9), ..a_run(&projects[2]) };
    commit(&*engine, [insert(&works), Change::InsertRun { run: waits, beside_active: true }]).await.unwrap();

    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = engine.projects(ProjectQuery { limit: 4, before, status: None }).await.unwrap();
        before = page.projects.last().map(|(project, _)| (project.created_at, project.id));
        seen.extend(page.projects);
        if !page.more {
            break;
        }
        assert_eq!(seen.len() % 4, 0);
    }
    let told = [Some(new.clone()), Some(other.clone()), Some(works.clone())].into_iter();
    let told = told.chain(std::iter::repeat(None));
    let expected: Vec<_> = projects.iter().cloned().zip(told).collect();
    assert_eq!(seen, expected);

    for (status, expected) in [
        (RunStatus::Queued, vec![(projects[0].clone(), Some(new))]),
        (RunStatus::Failed, vec![(projects[1].clone(), Some(other))]),
        (RunStatus::Running, vec![(projects[2].clone(), Some(works))]),
        (RunStatus::Partial, vec![]),
    ] {
        let query = ProjectQuery { limit: 1, before: None, status: Some(status) };
        let page = engine.projects(query).await.unwrap();
        assert_eq!(page.projects, expected, "{status:?}");
        assert!(!page.more, "{status:?}");
    }
}

pub async fn runs_are_listed_newest_first(factory: &impl Factory) {
    let engine = factory.open();
    let (project, other) = (with_project(&*engine).await, with_project(&*engine).await);
    commit(&*engine, [insert(&a_run(&other))]).await.unwrap();
    let mut ids = Vec::new();
    for age in 0..5 {
        let run = Run { created_at: Timestamp(NOW.0 - age), ..a_run(&project) };
        ids.push(run.id);
        commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await.unwrap();
    }
    for limit in [0, 3, 100] {
        let listed = engine.runs_of(project.id, limit).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|run| run.id).collect();
        assert_eq!(listed, ids[..limit.min(5)], "{limit}");
    }
}

pub async fn durations_come_from_completed_agents(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let agent =
        |name: &str, status, duration_ms| RunAgent { status, duration_ms, ..RunAgent::new(name, name) };
    for number in 0..6_u64 {
        let mut run =
            Run { status: RunStatus::Completed, created_at: NOW.plus_ms(number), ..a_run(&project) };
        run.agents = vec![
            agent("intake", Some(AgentStatus::Completed), Some(number)),
            agent("plan", Some(AgentStatus::Reused), Some(1000)),
            // Completed in every second run only.
            match number % 2 {
                0 => agent("verify", Some(AgentStatus::Failed), Some(2000)),
                _ => agent("verify", Some(AgentStatus::Completed), Some(100 + number)),
            },
            agent("package", None, None),
        ];
        commit(&*engine, [insert(&run)]).await.unwrap();
    }
    let other = Run {
        pipeline: "image".to_owned(),
        status: RunStatus::Completed,
        agents: vec![agent("intake", Some(AgentStatus::Completed), Some(77))],
        ..a_run(&project)
    };
    commit(&*engine, [insert(&other)]).await.unwrap();
    let durations = engine.agent_durations("app".to_owned(), None, 3).await.unwrap();
    let of = |name: &str| {
        let of: Vec<u64> = durations.iter().filter(|(agent, _)| agent == name).map(|(_, ms)| *ms).collect();
        of
    };
    assert_eq!(of("intake"), [5, 4, 3]);
    assert_eq!(of("verify"), [105, 103, 101]);
    assert_eq!(durations.len(), 6);
    assert_eq!(engine.agent_durations("none".to_owned(), None, 3).await.unwrap(), []);
    // Under another definition nothing is known yet.
    let defined = Run { definition: Some("one".into()), pipeline: "app".to_owned(), ..other };
    let defined = Run { id: RunId::generate(), ..defined };
    commit(&*engine, [insert(&defined)]).await.unwrap();
    let of = async |definition: &str| {
        engine.agent_durations("app".to_owned(), Some(definition.into()), 3).await.unwrap()
    };
    assert_eq!(of("one").await, [("intake".to_owned(), 77)]);
    assert_eq!(of("two").await, []);
    assert_eq!(engine.agent_durations("app".to_owned(), None, 3).await.unwrap().len(), 6);
}

pub async fn a_note_stands_until_it_is_forgotten(factory: &impl Factory) {
    let engine = factory.open();
    let note =
        |value: Option<&str>| Change::Note { name: "queue".to_owned(), value: value.map(str::to_owned) };
    assert_eq!(engine.note("queue".to_owned()).await.unwrap(), None);
    commit(&*engine, [note(Some("one"))]).await.unwrap();
    commit(&*engine, [note(Some("two"))]).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    let engine = factory.open();
    assert_eq!(engine.note("queue".to_owned()).await.unwrap().as_deref(), Some("two"));
    assert_eq!(engine.note("other".to_owned()).await.unwrap(), None);
    commit(&*engine, [note(None)]).await.unwrap();
    assert_eq!(engine.note("queue".to_owned()).await.unwrap(), None);
}

pub async fn notes_are_listed_by_the_start_of_their_names_and_the_first_one_wins(factory: &impl Factory) {
    let engine = factory.open();
    let once = |name: &str, value: &str| Change::NoteOnce { name: name.to_owned(), value: value.to_owned() };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for (name, value) in [("a/2", "two"), ("a/1", "one"), ("b/1", "other"), ("a/%_", "odd"), ("a/ü", "far")]
    {
        commit(&*engine, [once(name, value)]).await.unwrap();
    }
    let refused = commit(&*engine, [once("a/3", "with"), once("a/1", "later")]).await;
    assert_eq!(refused.unwrap_err(), EngineError::Taken);
    // Neighbours of what begins so, and what begins with the last character that there is.
    for name in ["a", "a0", "c\u{10ffff}1", "c\u{10ffff}", "d", "e\u{d7ff}x", "e\u{e000}"] {
        commit(&*engine, [once(name, "near")]).await.unwrap();
    }
    let page = async |prefix: &str, after: Option<&str>, limit| {
        engine.notes(prefix.to_owned(), after.map(str::to_owned), limit).await.unwrap()
    };
    let all = pairs(&[("a/%_", "odd"), ("a/1", "one"), ("a/2", "two"), ("a/ü", "far")]);
    assert_eq!(page("a/", None, 100).await, all);
    assert_eq!(page("a/", None, 3).await, all[..3]);
    assert_eq!(page("a/", Some("a/2"), 3).await, all[3..]);
    assert_eq!(page("a/", Some("a/ü"), 3).await, []);
    assert_eq!(page("c\u{10ffff}", None, 9).await.len(), 2);
    assert_eq!(page("e\u{d7ff}", None, 9).await, pairs(&[("e\u{d7ff}x", "near")]));
    for prefix in ["c\u{10ffff}", "d", "e"] {
        commit(&*engine, [Change::ForgetNotes { prefix: prefix.to_owned() }]).await.unwrap();
    }
    assert_eq!(engine.note("a/1".to_owned()).await.unwrap().as_deref(), Some("one"));
    commit(&*engine, [Change::ForgetNotes { prefix: "a/".to_owned() }]).await.unwrap();
    assert_eq!(page("a/", None, 9).await, []);
    assert_eq!(page("", None, 9).await, pairs(&[("a", "near"), ("a0", "near"), ("b/1", "other")]));
    commit(&*engine, [Change::ForgetNotes { prefix: String::new() }]).await.unwrap();
    assert_eq!(page("", None, 9).await, []);
}

pub async fn a_producer_goes_on_from_where_it_was_read(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let said = |expected, newest, now| {
        let produce = Change::Produce { room, producer: "p".to_owned(), expected, newest, now };
        [append(room, &["a", "b"]), produce]
    };
    let ask = |engine: Arc<dyn Engine>| async move { engine.producer(room, "p".to_owned()).await.unwrap() };
    assert_eq!(ask(engine.clone()).await, None);
    let first = commit(&*engine, said(None, (1, 2), NOW)).await.unwrap();
    assert_eq!(first.positions.len(), 2);
    assert_eq!(first.positions[0], first.positions[1]);
    for stale in [None, Some((1, 1)), Some((2, 2))] {
        let refused = commit(&*engine, said(stale, (1, 3), NOW)).await;
        assert_eq!(refused.unwrap_err(), EngineError::NotNext, "{stale:?}");
    }
    let second = commit(&*engine, said(Some((1, 2)), (1, 3), NOW)).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    let engine = factory.open();
    let known = ask(engine.clone()).await.unwrap();
    assert_eq!((known.epoch, known.seq), (1, 3));
    assert_eq!(known.answers, [(2, first.positions[0]), (3, second.positions[0])]);
    // What a refused batch holds is not said.
    assert_eq!(engine.log_bounds(room).await.unwrap().unwrap().last, 4);
    // A new life begins without the answers of the old one; and the log goes with the room.
    let third = commit(&*engine, said(Some((1, 3)), (2, 1), NOW)).await.unwrap();
    assert_eq!(ask(engine.clone()).await.unwrap().answers, [(1, third.positions[0])]);
    commit(&*engine, [Change::RemoveProject(room)]).await.unwrap();
    assert_eq!(ask(engine.clone()).await, None);
    let refused = commit(&*engine, [said(None, (1, 1), NOW)[1].clone()]).await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"));
}

pub async fn producers_are_forgotten(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let produce = |n: usize, now| {
        let producer = format!("p{n}");
        [Change::Produce { room, producer, expected: None, newest: (1, 1), now }]
    };
    let is_known = async |n: usize| engine.producer(room, format!("p{n}")).await.unwrap().is_some();
    for n in 0..PRODUCERS_PER_ROOM_MAX + 2 {
        commit(&*engine, produce(n, NOW.plus_ms(n as u64))).await.unwrap();
    }
    for (n, known) in [(0, false), (1, false), (2, true), (PRODUCERS_PER_ROOM_MAX + 1, true)] {
        assert_eq!(is_known(n).await, known, "{n}");
    }
    let much_later = NOW.plus_ms(FORGOTTEN_AFTER_MS + 100);
    commit(&*engine, produce(9_999, much_later)).await.unwrap();
    assert!(!is_known(3).await && is_known(9_999).await && is_known(PRODUCERS_PER_ROOM_MAX + 1).await);
}

// Idempotency keys, saved states, figures.

pub async fn a_kept_answer_holds_its_key_until_it_expires(factory: &impl Factory) {
    let engine = factory.open();
    let keep = |answer: &KeptAnswer, now| {
        let change = Change::KeepAnswer { key: "scope key".to_owned(), answer: answer.clone(), now };
        engine.commit(Batch::of([change]))
    };
    let end = NOW.plus_ms(1000);
    let (first, second) = (kept("first", end), kept("second", end.plus_ms(1000)));
    keep(&first, NOW).await.unwrap();
    for now in [NOW, Timestamp(end.0 - 1)] {
        let taken = EngineError::KeyTaken(Box::new(first.clone()));
        assert_eq!(keep(&second, now).await.unwrap_err(), taken);
        // Even the very same answer: whoever comes second must not do its work again.
        assert_eq!(keep(&first, now).await.unwrap_err(), taken);
        let found = engine.idempotent_answer("scope key".to_owned(), now).await.unwrap();
        assert_eq!(found.as_ref(), Some(&first));
    }
    assert_eq!(engine.idempotent_answer("scope key".to_owned(), end).await.unwrap(), None);
    assert_eq!(engine.idempotent_answer("other key".to_owned(), NOW).await.unwrap(), None);
    keep(&second, end).await.unwrap();
    let found = engine.idempotent_answer("scope key".to_owned(), end).await.unwrap();
    assert_eq!(found, Some(second));
}

pub async fn two_with_the_same_key_are_done_once(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let answers: Vec<_> = (0..50)
        .map(|_| {
            let answer = kept("{}", NOW.plus_ms(1000));
            let keep = Change::KeepAnswer { key: "key".to_owned(), answer, now: NOW };
            engine.commit(Batch::of([append(room, &["once"]), keep]))
        })
        .collect();
    let mut done = 0;
    for answer in answers {
        match answer.await {
            Ok(_) => done += 1,
            Err(error) => assert!(matches!(error, EngineError::KeyTaken(_)), "{error}"),
        }
    }
    assert_eq!((done, log_of(&*engine, room).await.len()), (1, 1));
}

pub async fn a_saved_state_is_only_replaced_by_a_newer_one(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    assert_eq!(engine.saved_state(room).await.unwrap(), None);
    for (seq, json, kept) in
        [(5, "five", "five"), (4, "four", "five"), (5, "again", "five"), (6, "six", "six")]
    {
        let state = SavedState { seq, state_json: json.into() };
        commit(&*engine, [Change::SaveState { room, state }]).await.unwrap();
        let saved = engine.saved_state(room).await.unwrap().unwrap();
        assert_eq!(&*saved.state_json, kept, "{seq}");
    }
}

pub async fn figures_count_what_was_done(factory: &impl Factory) {
    let engine = factory.open();
    let before = engine.stats().await.unwrap();
    assert_eq!((before.projects, before.events_appended, before.last_write_at), (0, 0, None));
    let project = with_project(&*engine).await;
    with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run), append(project.id, &["a", "b", "c"])]).await.unwrap();
    let ended = Run { status: RunStatus::Failed, ..a_run(&project) };
    commit(&*engine, [Change::InsertRun { run: ended, beside_active: true }]).await.unwrap();
    let stats = engine.stats().await.unwrap();
    assert_eq!((stats.projects, stats.events_appended, stats.waiting), (2, 3, 0));
    let mut runs = stats.runs_by_status.clone();
    runs.sort_by_key(|(status, _)| status.as_str());
    assert_eq!(runs, [(RunStatus::Failed, 1), (RunStatus::Queued, 1)]);
    assert!(stats.last_write_at.is_some() && stats.size_bytes > 0);
    let [p50, p90, p99, max] = stats.append_us;
    assert!(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max, "{:?}", stats.append_us);
}

pub async fn the_audit_log_is_read_backwards(factory: &impl Factory) {
    let engine = factory.open();
    let entry = |n: usize| AuditEntry {
        id: AuditId::generate(),
        at: NOW,
        who: "admin".to_owned(),
        role: None,
        address: None,
        action: format!("deed {n}"),
        target: None,
        detail: None,
        done: true,
        result: "done".to_owned(),
    };
    assert_eq!(engine.audit(None, 10).await.unwrap(), []);
    let entries: Vec<AuditEntry> = (0..5).map(entry).collect();
    for entry in &entries {
        commit(&*engine, [Change::Audit(entry.clone())]).await.unwrap();
    }
    engine.close().await.unwrap();
    drop(engine);
    let engine = factory.open();
    let newest = engine.audit(None, 2).await.unwrap();
    assert_eq!(newest, [entries[4].clone(), entries[3].clone()]);
    let older = engine.audit(Some(newest[1].id), 10).await.unwrap();
    assert_eq!(older, [entries[2].clone(), entries[1].clone(), entries[0].clone()]);
    assert_eq!(engine.audit(Some(AuditId::generate()), 10).await.unwrap(), []);
}
