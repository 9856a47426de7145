//! Where a run stands in the queue, and when it will probably start.

use std::sync::Arc;

use crate::domain::event::Eta;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::runs::queue::estimate::Mix;
use crate::runs::queue::limits::Limit;
use crate::runs::queue::{AGED_LOOKS_MAX, Active, Queue, Ticket};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many are served before it: those that wait, and the run of its project that works. Those that something holds
    /// are not before a run that nothing keeps from starting.
    pub(crate) position: u32,
    /// When it probably starts; none while nothing is known of what is before it.
    pub(crate) starts_in: Option<Eta>,
}

impl Queue {
    /// Where a run stands that waits; none when it does not.
    pub(crate) fn standing(&self, run: RunId) -> Option<Standing> {
        let waiting = self.waiting.get(&run)?;
        Some(self.standing_at(&waiting.ticket, waiting.project, &waiting.pipeline, &waiting.limits))
    }

    /// Where a run will stand that is about to wait.
    pub(crate) fn standing_of(&self, run: &Run) -> Standing {
        self.standing_at(&Ticket::of(run), run.project_id, &run.pipeline.as_str().into(), &Limit::all_of(run))
    }

    fn standing_at(
        &self,
        ticket: &Ticket,
        project: ProjectId,
        pipeline: &Arc<str>,
        limits: &[Limit],
    ) -> Standing {
        let full = self.usage.full(limits, &self.limits);
        // One run of a project works at a time, so those of its own project come to their end before it starts.
        let sibling_works = self.usage.full(&[Limit::Project(project)], &self.limits).is_some();
        let siblings =
            self.by_project.get(&project).map_or(0, |of_project| of_project.range(..*ticket).count());
        let free = self.limits.all.saturating_sub(self.active.len());
        if full.is_none() && siblings == 0 {
            // Those before it that something holds do not keep it.
            let ready = self.ready.range(..*ticket).take(free).count();
            if ready < free {
                let position = u32::try_from(ready).unwrap_or(u32::MAX);
                return Standing { position, starts_in: Some(Eta { low_ms: 0, high_ms: 0 }) };
            }
        }
        let (ahead, mut mix) = self.ahead(ticket);
        for (pipeline, count) in self.mix_of_active(|_| true) {
            *mix.entry(pipeline).or_default() += count;
        }
        let by_place = self.durations.starts_in(&mix, ahead, free, self.limits.all);
        let in_turn = siblings + usize::from(sibling_works);
        let by_turn = match full {
            _ if in_turn > 0 => {
                let of_project = Mix::from([(pipeline.clone(), 1)]);
                let before = u32::try_from(in_turn - 1).unwrap_or(u32::MAX);
                self.durations.starts_in(&of_project, before, 0, 1)
            }
            // A limit that is full lets it in when somebody ends, which is as good as one more before it.
            Some(full) => {
                let holders = self.mix_of_active(|active| active.limits.contains(full));
                self.durations.starts_in(&holders, 0, 0, 1)
            }
            None => by_place,
        };
        let starts_in = by_place.zip(by_turn).map(|(place, turn)| Eta {
            low_ms: place.low_ms.max(turn.low_ms),
            high_ms: place.high_ms.max(turn.high_ms),
        });
        Standing { position: ahead + u32::from(sibling_works), starts_in }
    }

    /// How many wait before a place, and of which pipelines.
    fn ahead(&self, ticket: &Ticket) -> (u32, Mix) {
        let mut mix = Mix::new();
        let before = self.mixes.range(..ticket.class).flat_map(|(_, of_class)| of_class);
        before.for_each(|(pipeline, count)| *mix.entry(pipeline.clone()).or_default() += count);
        let place = (ticket.created_at, ticket.run);
        if let (Some(of_class), Some(mix_of_class)) =
            (self.order.get(&ticket.class), self.mixes.get(&ticket.class))
        {
            let pipelines = |runs: std::collections::btree_set::Range<'_, (Timestamp, RunId)>| {
                runs.filter_map(|(_, run)| Some(self.waiting.get(run)?.pipeline.clone())).collect::<Vec<_>>()
            };
            // Most often asked for the newest.
            if of_class.range(place..).take(AGED_LOOKS_MAX).count() < AGED_LOOKS_MAX {
                mix_of_class
                    .iter()
                    .for_each(|(pipeline, count)| *mix.entry(pipeline.clone()).or_default() += count);
                for pipeline in pipelines(of_class.range(place..)) {
                    if let Some(count) = mix.get_mut(&pipeline) {
                        *count -= 1;
                    }
                }
                mix.retain(|_, count| *count > 0);
            } else {
                for pipeline in pipelines(of_class.range(..place)) {
                    *mix.entry(pipeline).or_default() += 1;
                }
            }
        }
        (u32::try_from(mix.values().sum::<u64>()).unwrap_or(u32::MAX), mix)
    }

    /// How many of each pipeline work, of those that are meant.
    pub(super) fn mix_of_active(&self, is_meant: impl Fn(&Active) -> bool) -> Mix {
        let mut mix = Mix::new();
        let meant = self.active.values().filter(|active| is_meant(active));
        meant.for_each(|active| *mix.entry(active.pipeline.clone()).or_default() += 1);
        mix
    }
}
