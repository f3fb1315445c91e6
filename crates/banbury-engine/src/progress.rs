/// Told how far a review is. Called from any thread.
pub trait Progress: Sync {
    /// A stage begins; `total` units of work are ahead, if that is known.
    fn stage(&self, name: &str, total: Option<u64>);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
}
