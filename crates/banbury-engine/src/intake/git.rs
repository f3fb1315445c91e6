//! A revision of a git repository, read with the `git` program. Nothing is checked out, no hook
//! or filter runs, and a partial clone does not fetch what it lacks.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Collector, IntakeError, Revision, SkipReason, Want, path_text};

pub(super) fn read(
    repository: &Path,
    revision: &str,
    collector: &mut Collector<'_>,
) -> Result<(), IntakeError> {
    let commit = run(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options"], |command| {
        command.arg(format!("{revision}^{{commit}}"));
    })
    .map_err(|_| IntakeError::Git(format!("{} has no revision {revision}", repository.display())))?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let list =
        run(repository, ["ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options"], |command| {
            command.arg(&commit);
        })?;

    let wanted = wanted(&list, collector);
    read_blobs(repository, &wanted, collector)?;
    let origin = run(repository, ["config", "--get", "remote.origin.url"], |_| {}).ok();
    collector.manifest.revision = Some(Revision {
        commit,
        repository: origin.and_then(|url| public_address(String::from_utf8_lossy(&url).trim())),
    });
    Ok(())
}

fn git(repository: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(repository)
        .args(["--no-replace-objects", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"])
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

fn run<const N: usize>(
    repository: &Path,
    args: [&str; N],
    more: impl FnOnce(&mut Command),
) -> Result<Vec<u8>, IntakeError> {
    let mut command = git(repository);
    command.args(args.map(OsStr::new));
    more(&mut command);
    let output = command.output().map_err(|error| IntakeError::Git(error.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().next().unwrap_or("the command failed");
        return Err(IntakeError::Git(line.trim_start_matches("fatal: ").to_owned()));
    }
    Ok(output.stdout)
}

/// Object names and paths of the files to read, from the output of `ls-tree -r -l -z`.
fn wanted(list: &[u8], collector: &mut Collector<'_>) -> Vec<(String, String)> {
    let mut wanted = Vec::new();
    for record in list.split(|&byte| byte == 0).filter(|record| !record.is_empty()) {
        let Some(tab) = memchr::memchr(b'\t', record) else { continue };
        let path = path_text(&record[tab + 1..]);
        let meta = String::from_utf8_lossy(&record[..tab]);
        let mut fields = meta.split_ascii_whitespace();
        let (mode, _, object) = (fields.next(), fields.next(), fields.next());
        let size = fields.next().and_then(|size| size.parse().ok());
        match mode {
            Some("160000") => collector.skip(SkipReason::Submodule, &path),
            Some("120000") => collector.skip(SkipReason::Link, &path),
            _ => {
                if collector.want(&path, size) == Want::Read
                    && let Some(object) = object
                {
                    wanted.push((object.to_owned(), path));
                }
            }
        }
    }
    wanted
}

/// Ends the program when its output is not needed to the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_blobs(
    repository: &Path,
    wanted: &[(String, String)],
    collector: &mut Collector<'_>,
) -> Result<(), IntakeError> {
    let io = |error: std::io::Error| IntakeError::Git(error.to_string());
    let mut command = git(repository);
    command.args(["cat-file", "--batch", "--buffer"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().map_err(io)?);
    let (Some(mut stdin), Some(stdout)) = (running.0.stdin.take(), running.0.stdout.take()) else {
        return Err(IntakeError::Git("cat-file has no pipes".into()));
    };
    let request: Vec<u8> =
        wanted.iter().flat_map(|(object, _)| [object.as_bytes(), b"\n"].concat()).collect();
    // Both pipes fill up: the request is written beside the reading.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&request);
    });
    let result = receive(BufReader::with_capacity(1 << 16, stdout), wanted, collector);
    drop(running);
    let _ = writer.join();
    result
}

fn receive(
    mut stdout: impl BufRead,
    wanted: &[(String, String)],
    collector: &mut Collector<'_>,
) -> Result<(), IntakeError> {
    let io = |error: std::io::Error| IntakeError::Git(error.to_string());
    for (_, path) in wanted {
        let mut line = String::new();
        stdout.read_line(&mut line).map_err(io)?;
        let size: Option<u64> = line.trim_end().rsplit(' ').next().and_then(|size| size.parse().ok());
        let Some(size) = size else {
            if line.is_empty() {
                return Err(IntakeError::Git("cat-file ended early".into()));
            }
            // `OBJECT missing`: a partial clone.
            collector.skip(SkipReason::Unreadable, path);
            continue;
        };
        let mut content = Vec::with_capacity(size.min(collector.limits().max_file_bytes) as usize);
        let read = stdout.by_ref().take(size).read_to_end(&mut content).map_err(io)?;
        let mut newline = [0];
        stdout.read_exact(&mut newline).map_err(io)?;
        if (read as u64) < size {
            return Err(IntakeError::Git("cat-file ended early".into()));
        }
        if size > collector.limits().max_file_bytes {
            collector.skip(SkipReason::TooLarge, path);
        } else if !collector.add(path.clone(), content) {
            return Ok(());
        }
    }
    Ok(())
}

/// The address of a remote without credentials; `None` if it is a path of this machine.
fn public_address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme == "file" {
        return None;
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    Some(format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::public_address;

    #[test]
    fn addresses_lose_their_credentials() {
        let plain = Some("https://host.example/a/b.git".to_owned());
        assert_eq!(public_address("https://user:secret@host.example/a/b.git"), plain);
        assert_eq!(public_address("/srv/git/b.git"), None);
        assert_eq!(public_address("file:///srv/git/b.git"), None);
    }
}
