//! `banbury serve`: the web pages of a centre.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_network::Date;
use banbury_server::{Demo, Network, Options, Server, found_demo};

use crate::network::{input, regimes};
use crate::terminal;

/// Serve a centre's web pages and JSON interface, on this machine only unless told otherwise
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury serve centre                       the first time it prints an address to set a password at
  banbury serve centre --releases /srv/releases --network inventory/
  banbury serve --demo                       a temporary centre with something on every page
  banbury serve --demo OLD NEW               the same about two releases of your own

The server keeps the centre open: `banbury evaluation` waits until it ends, `banbury evidence` does not.")]
pub struct Args {
    /// Folder of the centre
    #[arg(required_unless_present = "demo")]
    centre: Option<PathBuf>,
    /// Make a temporary centre about two releases: two folders or archives, or none for what is at hand
    #[arg(long, num_args = 0..=2, value_names = ["OLD", "NEW"], conflicts_with = "centre")]
    demo: Option<Vec<PathBuf>>,
    /// Address to listen at
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Port to listen at; 0 takes a free one
    #[arg(long, default_value_t = 8642)]
    port: u16,
    /// Name under which browsers reach the server (can be repeated)
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// Browsers reach the server by TLS, through a proxy in front of it
    #[arg(long)]
    behind_tls: bool,
    /// Folder whose files and folders may be reviewed without being uploaded
    #[arg(long, value_name = "FOLDER")]
    releases: Option<PathBuf>,
    /// Folder of an operator's inventory, for the network page
    #[arg(long, value_name = "FOLDER")]
    network: Option<PathBuf>,
    /// Folder of controls, for the network page
    #[arg(long, value_name = "FOLDER", default_value = "controls")]
    controls: PathBuf,
    /// Day on which the network is judged; today when not given
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Largest upload, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    max_upload: u64,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.address.is_loopback() && !args.behind_tls {
        bail!(
            "{} can be reached from elsewhere and passwords would cross the network in the clear: put a proxy \
             with TLS in front and say --behind-tls",
            args.address
        );
    }
    let listener = TcpListener::bind(SocketAddr::new(args.address, args.port))
        .with_context(|| format!("cannot listen at {}:{}", args.address, args.port))?;
    let at = format!("http://{}", listener.local_addr()?);
    match &args.demo {
        Some(releases) => serve_demo(&args, releases, listener, &at)?,
        None => {
            let centre = args.centre.clone().context("which centre?")?;
            let server = Server::open(options(&args, centre)?, network(&args, args.network.as_deref())?)?;
            for (person, code) in server.first_invitations()? {
                terminal::error(&format!("{person} sets a password at {at}/welcome?code={code}"));
            }
            terminal::error(&format!("{at} (^C ends it)"));
            server.run(listener)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args, centre: PathBuf) -> anyhow::Result<Options> {
    Ok(Options {
        centre,
        program: std::env::current_exe().context("where this program is")?,
        releases: args.releases.clone(),
        hosts: args.host_name.clone(),
        secure: args.behind_tls,
        max_upload: args.max_upload.saturating_mul(1 << 20),
    })
}

fn network(args: &Args, folder: Option<&Path>) -> anyhow::Result<Option<Network>> {
    let Some(folder) = folder else { return Ok(None) };
    let inventory =
        input::folder(folder)?.with_context(|| format!("{} holds no usable inventory", folder.display()))?;
    Ok(Some(Network {
        inventory,
        packs: regimes::all(&args.controls)?,
        as_of: args.as_of.unwrap_or_else(crate::network::today),
        sql: crate::network::sql_engine(),
    }))
}

fn serve_demo(args: &Args, releases: &[PathBuf], listener: TcpListener, at: &str) -> anyhow::Result<()> {
    let demo = match releases {
        [old, new] => demo_of(old, new)?,
        [] => at_hand()?,
        _ => bail!("--demo takes two releases, or none"),
    };
    let folder = tempfile::tempdir().context("a folder for the centre")?;
    let example = Path::new("examples/national-operator/inventory");
    let inventory =
        args.network.as_deref().or_else(|| (example.is_dir() && args.controls.is_dir()).then_some(example));
    if inventory.is_none() {
        terminal::error(
            "no examples/ and controls/ here: the network page stays empty (--network, --controls)",
        );
    }
    let options = options(args, folder.path().join("centre"))?;
    let (server, people, password) =
        found_demo(options, network(args, inventory)?, &demo, &|text| terminal::error(text))?;
    terminal::error(&format!("sign in at {at} as {} with the password {password}", people.join(", ")));
    terminal::error(&format!("everything is in {} and goes away with ^C", folder.path().display()));
    crate::at_end(folder);
    Ok(server.run(listener)?)
}

/// A release's name: its file's, without what tells the format.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bare = ["gz", "xz", "bz2", "zst", "tgz", "tar", "zip"].iter().fold(name.as_str(), |name, ending| {
        name.strip_suffix(ending).and_then(|name| name.strip_suffix('.')).unwrap_or(name)
    });
    bare.to_owned()
}

fn demo_of(old: &Path, new: &Path) -> anyhow::Result<Demo> {
    let place = |path: &Path| path.canonicalize().with_context(|| path.display().to_string());
    let (mut old_name, mut new_name) = (name_of(old), name_of(new));
    if old_name == new_name {
        (old_name, new_name) = (format!("{old_name}-old"), format!("{new_name}-new"));
    }
    let product = new_name.split(['-', '_', '.']).next().unwrap_or(&new_name).to_owned();
    Ok(Demo { vendor: "Vendor".into(), product, old: (old_name, place(old)?), new: (new_name, place(new)?) })
}

/// Two releases of an open-source product that lie beside the crates this program was built from.
fn at_hand() -> anyhow::Result<Demo> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.map(|home| home.join("registry/src")).unwrap_or_default();
    let crates = std::fs::read_dir(registries).into_iter().flatten().flatten();
    let crates =
        crates.flat_map(|registry| std::fs::read_dir(registry.path()).into_iter().flatten().flatten());
    let source = crates
        .filter(|one| one.file_name().to_string_lossy().starts_with("libmimalloc-sys-"))
        .map(|one| one.path().join("c_src/mimalloc"))
        .find(|folder| folder.join("v2").is_dir() && folder.join("v3").is_dir());
    let source = source.context(
        "no two releases at hand (the sources of mimalloc in cargo's registry are missing): say --demo OLD NEW",
    )?;
    Ok(Demo {
        vendor: "mimalloc project".into(),
        product: "mimalloc".into(),
        old: ("mimalloc-v2".into(), source.join("v2")),
        new: ("mimalloc-v3".into(), source.join("v3")),
    })
}
