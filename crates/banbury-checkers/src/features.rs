//! Names of features that several rules share.

use banbury_dataflow::models::SourceKind;

/// How untrusted a source is.
pub(crate) fn taint(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Network => "taint.network",
        SourceKind::File => "taint.file",
        SourceKind::Environment => "taint.environment",
        SourceKind::Console => "taint.console",
        SourceKind::Ipc => "taint.ipc",
        SourceKind::CommandLine => "taint.command-line",
        SourceKind::Random => "taint.random",
    }
}
