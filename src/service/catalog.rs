//! Which pipelines there are, as far as a door must know. The app builds it; the service knows no pipeline.

/// Pipelines by name.
pub trait PipelineCatalog: Send + Sync + 'static {
    /// All names, the default first.
    fn names(&self) -> Vec<String>;
    /// The agents of a pipeline in order; none when there is no such pipeline.
    fn agents(&self, pipeline: &str) -> Option<Vec<CatalogAgent>>;
    /// Whether runs of a pipeline are given images, and cannot do without.
    fn takes_images(&self, _pipeline: &str) -> bool {
        false
    }
    /// Who makes the pictures of the pipeline `image`: `cpu` is this program.
    fn picture_backend(&self) -> &'static str {
        "cpu"
    }
    /// Whether a brief can be worked on; the reason for the caller when not.
    ///
    /// # Errors
    /// The reason.
    fn check_brief(&self, pipeline: &str, brief: &str) -> Result<(), String>;
}

/// An agent of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogAgent {
    /// Its name on the wire.
    pub agent: String,
    /// Its name for people.
    pub title: String,
}
