//! Where files of a run are found on the wire.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::ids::ProjectId;

/// What stays as it is in a segment of a path: the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where to fetch a file.
pub(crate) fn file_url(project: ProjectId, path: &str) -> String {
    let segments: Vec<String> =
        path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
    format!("/api/projects/{project}/files/{}", segments.join("/"))
}

/// Where to fetch all files.
pub(crate) fn archive_url(project: ProjectId) -> String {
    format!("/api/projects/{project}/archive.zip")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn addresses_are_encoded_segment_by_segment() {
        let url = file_url(ProjectId(Uuid::nil()), "src/ä b?#.js");
        assert!(url.ends_with("/files/src/%C3%A4%20b%3F%23.js"), "{url}");
    }
}
