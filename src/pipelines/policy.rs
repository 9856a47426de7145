//! How the house treats an agent: how often it is tried, how long it may take, whether a person is asked about what it
//! made, and what it occupies while it works. Plain data; `runs` acts on it.

use std::borrow::Cow;

/// What kind of failure it was: decides whether and when the agent is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The same inputs fail again: bad input, a refused answer, a program that says no.
    Permanent,
    /// It may be over soon: a connection that broke, an answer of 5xx, a machine out of memory.
    Transient,
    /// Somebody asks to be left alone for a while.
    RateLimited {
        /// For how long, when it was said.
        retry_after_ms: Option<u64>,
    },
    /// A time limit of the agent, or of its silence, was reached.
    TimedOut,
}

/// How failures of one class are tried again: after a random pause of at most `base_ms` doubled with every try, never
/// more than `pause_ms_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// Tries after the first one; 0 is none.
    pub retries_max: u32,
    /// Upper end of the first pause.
    pub base_ms: u64,
    /// Upper end of any pause.
    pub pause_ms_max: u64,
}

impl RetryRule {
    /// Once failed is failed.
    pub const NEVER: RetryRule = RetryRule { retries_max: 0, base_ms: 0, pause_ms_max: 0 };
}

/// How an agent is tried again, by class of failure. What is permanent never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After [`FailureClass::Transient`].
    pub transient: RetryRule,
    /// After [`FailureClass::RateLimited`]; a longer pause that was asked for is kept.
    pub rate_limited: RetryRule,
    /// After [`FailureClass::TimedOut`].
    pub timed_out: RetryRule,
}

impl RetryPolicy {
    /// What holds for an agent that says nothing about it.
    pub const DEFAULT: RetryPolicy = RetryPolicy {
        transient: RetryRule { retries_max: 3, base_ms: 500, pause_ms_max: 30_000 },
        rate_limited: RetryRule { retries_max: 5, base_ms: 2_000, pause_ms_max: 120_000 },
        timed_out: RetryRule::NEVER,
    };

    /// No failure is tried again.
    pub const NEVER: RetryPolicy = RetryPolicy {
        transient: RetryRule::NEVER,
        rate_limited: RetryRule::NEVER,
        timed_out: RetryRule::NEVER,
    };

    /// The rule for a class.
    pub fn rule(&self, class: FailureClass) -> RetryRule {
        match class {
            FailureClass::Permanent => RetryRule::NEVER,
            FailureClass::Transient => self.transient,
            FailureClass::RateLimited { .. } => self.rate_limited,
            FailureClass::TimedOut => self.timed_out,
        }
    }
}

/// How long an agent may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentLimits {
    /// For one try; none is what the server is set to.
    pub timeout_ms: Option<u64>,
    /// Without a line of log, progress or a file; none is as long as it likes.
    pub silence_timeout_ms: Option<u64>,
}

/// A person is asked about what the agent made before the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// What the person is asked, like `Is the alternative text right?`.
    pub question: Cow<'static, str>,
    /// How long the run waits for an answer; none is as long as it takes.
    pub timeout_ms: Option<u64>,
}

/// How the house treats an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPolicy {
    /// How often it is tried.
    pub retry: RetryPolicy,
    /// How long it may take.
    pub limits: AgentLimits,
    /// Whether a person is asked about its output.
    pub gate: Option<Gate>,
    /// What it occupies, like `cpu`, `gpu` or `llm:name`; a run occupies what any of its agents does, and the server may
    /// be set to allow only so many of each at once.
    pub resources: Cow<'static, [Cow<'static, str>]>,
}

impl AgentPolicy {
    /// What holds for an agent that says nothing.
    pub const DEFAULT: AgentPolicy = AgentPolicy {
        retry: RetryPolicy::DEFAULT,
        limits: AgentLimits { timeout_ms: None, silence_timeout_ms: None },
        gate: None,
        resources: Cow::Borrowed(&[]),
    };
}

impl Default for AgentPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
