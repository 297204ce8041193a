//! Starts what is due.

use std::{sync::Arc, time::Duration};

use crate::{
    sms::Smsc,
    whatsapp::Graph,
    world::{
        World,
        record::{Action, Job, Record},
    },
};

/// Most jobs taken at a time.
const BATCH: usize = 500;
/// Longest sleep; timers are looked at this often even if nothing was scheduled.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Runs jobs for as long as the networks live.
pub(crate) async fn run(
    world: Arc<World>,
    graph: Arc<Graph>,
    smsc: Arc<Smsc>,
    running: crate::listener::Running,
) {
    loop {
        let now = world.clock.now();
        let due = world.due(now, BATCH);
        if due.is_empty() {
            let pause = world.next_due().map_or(LONGEST_SLEEP, |at| {
                Duration::from_millis(u64::try_from(at - now).unwrap_or(0)).min(LONGEST_SLEEP)
            });
            tokio::select! {
                () = running.stop.cancelled() => return,
                () = world.scheduled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            continue;
        }
        let mut done = Vec::new();
        for job in due {
            match &job.action {
                Action::Show { .. }
                | Action::Part { .. }
                | Action::Read { .. }
                | Action::Undelivered { .. } => {
                    done.push(Record::Done { job: job.id, at: now });
                }
                // In the order in which they are due: what a handset shows was shown before
                // anybody is told about it.
                Action::Fetch(_) | Action::Webhook(_) | Action::Deliver(_) => {
                    world.commit(std::mem::take(&mut done));
                    begin(&graph, &smsc, &running, job);
                }
            }
        }
        world.commit(done);
    }
}

fn begin(graph: &Arc<Graph>, smsc: &Arc<Smsc>, running: &crate::listener::Running, job: Job) {
    match job.action.clone() {
        Action::Webhook(event) => graph.webhook.post(job.id, event),
        Action::Deliver(delivery) => smsc.deliver(job.id, delivery),
        Action::Fetch(fetch) => {
            let (graph, stop) = (Arc::clone(graph), running.stop.clone());
            running.spawn(async move {
                stop.run_until_cancelled(graph.fetch(&job, &fetch)).await;
            });
        }
        Action::Show { .. } | Action::Part { .. } | Action::Read { .. } | Action::Undelivered { .. } => {}
    }
}
