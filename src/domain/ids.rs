//! Typed ids, all of them UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id, ordered by time of creation (UUID version 7, RFC 9562 section 5.7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Only the hyphenated form: one id must have one spelling, it stands in addresses and file names.
                let id = Uuid::try_parse(text)?;
                if text.len() != 36 { Uuid::try_parse("")?; }
                Ok(Self(id))
            }
        }
    };
}

id!(
    /// A project; it also names the project's room.
    ProjectId
);
id!(
    /// One generation of a project.
    RunId
);
id!(
    /// One live connection on any surface.
    ClientId
);
id!(
    /// One entry of the audit log.
    AuditId
);
