//! What the work on photos has to tell beyond its room. A session is a project, a photo is the content of a file.

use uuid::Uuid;

/// The pipeline.
pub const PIPELINE: &str = "photo";

/// Names of events of a run that are heard in the whole house: on the channels of photos, sessions and exports.
pub const TOLD: [&str; 11] = [
    "photo_imported",
    "photo_analyzed",
    "photo_selected",
    "photo_approved",
    "photo_rejected",
    "session_updated",
    "session_completed",
    "export_started",
    "export_progress",
    "export_completed",
    "export_failed",
];

/// Whether an event of that name is heard in the whole house.
pub fn is_told(name: &str) -> bool {
    TOLD.contains(&name)
}

/// The id of a photo: the same for the same content, in every session.
pub fn photo_id(sha256: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, sha256.as_bytes())
}
