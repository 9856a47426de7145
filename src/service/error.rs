//! Why the service refused.

use crate::auth::AuthError;
use crate::broker::BrokerError;
use crate::domain::ids::RunId;
use crate::engine::EngineError;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Which, like `brief` or `params.seed`.
    pub field: String,
    /// What is wrong and what is allowed; reads on after the field's name.
    pub message: String,
}

impl FieldError {
    /// A wrong field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Why the service refused or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// The caller may not.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Fields are wrong.
    #[error("{}", shown(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The id is in use.
    #[error("the id is taken")]
    Taken,
    /// Another run of the project is not terminal.
    #[error("run {0} of this project is still active; wait for its end, cancel it, or say on_conflict")]
    RunActive(RunId),
    /// The thing is not in a state that allows this.
    #[error("{0}")]
    Conflict(String),
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The producer has begun a newer life, which makes the one that asks a leftover.
    #[error(
        "{producer} has begun epoch {epoch} meanwhile, and what is published under an older one is refused"
    )]
    Fenced {
        /// Who.
        producer: String,
        /// Its present epoch.
        epoch: u64,
    },
    /// Events of the producer are missing before this one.
    #[error("the next event of {producer} in epoch {epoch} is {expected}, and this one is {given}")]
    OutOfSequence {
        /// Who.
        producer: String,
        /// In which epoch.
        epoch: u64,
        /// The number that is next.
        expected: u64,
        /// The number that came.
        given: u64,
    },
    /// Too many runs wait.
    #[error("the queue is full; try again in {retry_after_s} s")]
    QueueFull {
        /// When there may be room.
        retry_after_s: u64,
    },
    /// The server is going down and takes nothing new.
    #[error("the server is going down and takes no new work; try again when it is back")]
    Draining,
    /// The server cannot keep up.
    #[error("the server cannot take this now; try again")]
    Unavailable,
    /// The disk is full.
    #[error("the disk of the server is full")]
    DiskFull,
    /// Another server gave no answer that can be used.
    #[error("{0}")]
    Remote(String),
    /// Another server gave no answer in time.
    #[error("{0}")]
    RemoteTimeout(String),
    /// Something broke.
    #[error("{0}")]
    Internal(String),
}

impl ServiceError {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

fn shown(errors: &[FieldError]) -> String {
    let errors: Vec<String> =
        errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    errors.join("; ")
}

impl From<EngineError> for ServiceError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Taken => Self::Taken,
            EngineError::NotFound(what) => Self::NotFound(what),
            EngineError::RunActive(run) => Self::RunActive(run),
            EngineError::Conflict(status) => {
                Self::Conflict(format!("the run has changed meanwhile and is now {}", status.as_str()))
            }
            EngineError::KeyTaken(_) => Self::KeyReused,
            EngineError::Busy | EngineError::Closed | EngineError::NotNext => Self::Unavailable,
            EngineError::DiskFull => Self::DiskFull,
            EngineError::NotSaved(_) => Self::Internal(error.to_string()),
            EngineError::Storage(text) => Self::Internal(text),
        }
    }
}

impl From<BrokerError> for ServiceError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::NoSuchRoom => Self::NotFound("project"),
            BrokerError::Closing => Self::Unavailable,
            BrokerError::Engine(error) => error.into(),
        }
    }
}
