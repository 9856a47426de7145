//! Brings a client what it reads: it is asked for more only when the client has taken what it was sent, so what waits for a
//! slow one are positions, not messages.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::domain::ids::RunId;
use crate::surfaces::socketio::house::lobby::{Said, dashboard_state};
use crate::surfaces::socketio::house::member::Desk;
use crate::surfaces::socketio::house::tasks::records;
use crate::surfaces::socketio::namespace::Client;

type Line = broadcast::Receiver<Arc<Said>>;
type Slot = watch::Receiver<Arc<str>>;

/// Runs until the client has left or its session is over.
pub(super) async fn pump(client: Client, desk: Rc<Desk>, mut everyone: Line) {
    let mut telemetry = desk.lobby.telemetry();
    let mut dashboard: Option<(Line, Slot)> = None;
    while client.link().room().await && !desk.left.get() {
        match desk.hears_dashboard() {
            true if dashboard.is_none() => {
                // Subscribed first, so that nothing falls between the state and the news.
                dashboard = Some((desk.lobby.dashboard(), desk.lobby.metrics()));
                match dashboard_state(&desk.service).await {
                    Ok(state) => client.emit("dashboard_state", &state.to_string()),
                    Err(error) => log::warn!("the dashboard cannot be shown: {error}"),
                }
                client.link().settle();
            }
            false => dashboard = None,
            true => {}
        }
        let everybody = desk.hears_everyone();
        tokio::select! {
            () = desk.changed.notified() => {}
            (run, chunk) = next_chunk(&desk) => tell_task(&client, &desk, run, chunk),
            said = everyone.recv(), if everybody => match said {
                Ok(said) => client.emit(said.name, &said.payload),
                // What was missed is summed up by how things stand.
                Err(RecvError::Lagged(_)) => client.emit("status", &desk.lobby.status()),
                Err(RecvError::Closed) => return,
            },
            newest = changed(&mut telemetry), if everybody => client.emit("telemetry", &newest),
            news = dashboard_news(dashboard.as_mut()) => match news {
                DashboardNews::Said(said) => client.emit(said.name, &said.payload),
                DashboardNews::Metrics(metrics) => client.emit("system_metrics_update", &metrics),
                // What was missed is summed up: it comes to the dashboard anew.
                DashboardNews::Missed => dashboard = None,
            },
        }
        client.link().settle();
    }
}

/// The next piece of any task; none when its room is gone.
async fn next_chunk(desk: &Desk) -> (RunId, Option<Bytes>) {
    std::future::poll_fn(|cx| poll_tasks(desk, cx)).await
}

fn poll_tasks(desk: &Desk, cx: &mut Context<'_>) -> Poll<(RunId, Option<Bytes>)> {
    let mut tasks = desk.tasks.borrow_mut();
    for place in 0..tasks.len() {
        if let Poll::Ready(chunk) = tasks[place].frames.poll_next_unpin(cx) {
            let run = tasks[place].run;
            // Each task gets its turn.
            tasks.rotate_left(place + 1);
            return Poll::Ready((run, chunk));
        }
    }
    Poll::Pending
}

fn tell_task(client: &Client, desk: &Desk, run: RunId, chunk: Option<Bytes>) {
    let mut tasks = desk.tasks.borrow_mut();
    let Some(place) = tasks.iter().position(|task| task.run == run) else { return };
    let Some(chunk) = chunk else {
        tasks.remove(place);
        let message =
            "the task cannot be followed any more: its project was removed, or the server goes down";
        let error = json!({ "task_id": run, "code": "gone", "message": message });
        return client.emit("task_error", &error.to_string());
    };
    let (task, id) = (&mut tasks[place], run.to_string());
    for record in records(std::str::from_utf8(&chunk).unwrap_or_default()) {
        if record.run != id {
            continue;
        }
        if !record.standing.is_empty() {
            task.standing = record.standing.to_owned();
        }
        client.emit(record.name, &record.payload(&task.standing));
    }
}

async fn changed(slot: &mut Slot) -> Arc<str> {
    match slot.changed().await {
        Ok(()) => slot.borrow_and_update().clone(),
        Err(_) => std::future::pending().await,
    }
}

/// What the dashboard hears next.
enum DashboardNews {
    Said(Arc<Said>),
    /// The newest figures.
    Metrics(Arc<str>),
    /// More was said than the line holds.
    Missed,
}

/// Never anything for who has not joined the dashboard.
async fn dashboard_news(dashboard: Option<&mut (Line, Slot)>) -> DashboardNews {
    let Some((line, metrics)) = dashboard else { return std::future::pending().await };
    tokio::select! {
        said = line.recv() => match said {
            Ok(said) => DashboardNews::Said(said),
            Err(RecvError::Lagged(_)) => DashboardNews::Missed,
            Err(RecvError::Closed) => std::future::pending().await,
        },
        newest = changed(metrics) => DashboardNews::Metrics(newest),
    }
}
