//! How the house treats an agent: retries, limits, its gate, what it occupies.

use crate::domain::pipeline::RetryRuleDefinition;
use crate::pipelines::defined::agent::Making;
use crate::pipelines::policy::{AgentLimits, AgentPolicy, Gate, RetryPolicy, RetryRule};

impl Making<'_> {
    pub(super) fn policy(&mut self, default: &AgentPolicy) -> AgentPolicy {
        let said = self.said;
        let rule = |said: &RetryRuleDefinition, default: RetryRule| RetryRule {
            retries_max: said.retries_max.unwrap_or(default.retries_max),
            base_ms: said.base_ms.unwrap_or(if default.base_ms == 0 { 500 } else { default.base_ms }),
            pause_ms_max: said.pause_ms_max.unwrap_or(if default.pause_ms_max == 0 {
                30_000
            } else {
                default.pause_ms_max
            }),
        };
        let settled = |said: &RetryRuleDefinition, default: RetryRule| {
            if *said == RetryRuleDefinition::default() { default } else { rule(said, default) }
        };
        if said.gate.question.is_none() && said.gate.timeout_ms.is_some() {
            self.problem("gate needs a question");
        }
        AgentPolicy {
            retry: RetryPolicy {
                transient: settled(&said.retry.transient, default.retry.transient),
                rate_limited: settled(&said.retry.rate_limited, default.retry.rate_limited),
                timed_out: settled(&said.retry.timed_out, default.retry.timed_out),
            },
            limits: AgentLimits {
                timeout_ms: said.limits.timeout_ms.or(default.limits.timeout_ms),
                silence_timeout_ms: said.limits.silence_timeout_ms.or(default.limits.silence_timeout_ms),
            },
            gate: match &said.gate.question {
                Some(question) => {
                    Some(Gate { question: question.clone().into(), timeout_ms: said.gate.timeout_ms })
                }
                None => default.gate.clone(),
            },
            resources: match &said.resources {
                Some(resources) => {
                    resources.iter().map(|name| name.clone().into()).collect::<Vec<_>>().into()
                }
                None => default.resources.clone(),
            },
        }
    }
}
