//! Language-neutral intermediate representation.
