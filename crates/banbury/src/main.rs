//! The `banbury` command line.

fn main() -> anyhow::Result<()> {
    Ok(())
}
