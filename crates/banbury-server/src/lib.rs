//! The web pages and the JSON interface of an evaluation centre.
//!
//! Pages are made on the server. Every act goes through `banbury-evidence`, which checks it against
//! the policy and writes it to the log; lists are read from the index of `banbury-store`. A route
//! says in one table ([`routes`]) who may use it. A vendor's files are read by child processes.

mod accounts;
mod api;
mod app;
mod code;
mod demo;
mod dispatch;
mod exchange;
mod jobs;
mod openapi;
mod pages;
mod picture;
pub mod routes;
mod sources;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use banbury_network::{Inventory, Pack};

pub use demo::{Demo, found_demo};
pub use exchange::Fault;

use app::App;

/// How a centre is served.
pub struct Options {
    /// Folder of the centre.
    pub centre: PathBuf,
    /// The program that reviews and compares: `PROGRAM review ...`.
    pub program: PathBuf,
    /// Folder whose files and folders may be reviewed without being uploaded.
    pub releases: Option<PathBuf>,
    /// Names under which browsers reach the server, besides those of this machine.
    pub hosts: Vec<String>,
    /// Browsers reach the server by TLS, through a proxy: cookies are for TLS only.
    pub secure: bool,
    /// Largest upload, in bytes.
    pub max_upload: u64,
}

/// An operator's network and the controls it is judged by.
pub struct Network {
    pub inventory: Inventory,
    pub packs: Vec<Pack>,
    pub as_of: banbury_network::Date,
    /// Runs controls that are written in SQL.
    pub sql: Option<Box<dyn banbury_network::SqlEngine>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(transparent)]
    Store(#[from] banbury_evidence::store::StoreError),
    #[error(transparent)]
    Index(#[from] banbury_store::IndexError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Demo(String),
}

/// A centre that is open for browsers.
pub struct Server {
    app: Arc<App>,
}

impl Server {
    /// Opens the centre and brings the index up to the log. Waits for another program to close it.
    pub fn open(options: Options, network: Option<Network>) -> Result<Self, ServerError> {
        Ok(Server { app: Arc::new(App::open(options, network)?) })
    }

    /// While nobody has an account: a one-time code for every administrator, to set a password with.
    pub fn first_invitations(&self) -> Result<Vec<(String, String)>, ServerError> {
        Ok(self.app.first_invitations()?)
    }

    /// A one-time code with which a person sets a password.
    pub fn invite(&self, person: &str) -> Result<String, ServerError> {
        Ok(self.app.invite(person)?)
    }

    /// Serves until the program ends.
    pub fn run(self, listener: TcpListener) -> Result<(), ServerError> {
        self.serve(listener, std::future::pending())
    }

    /// Serves until there is word from `stop`, or nobody left to give it. Requests that have begun
    /// are answered; the centre is closed then.
    pub fn run_until(self, listener: TcpListener, stop: Receiver<()>) -> Result<(), ServerError> {
        let stopped = async {
            let _ = tokio::task::spawn_blocking(move || stop.recv()).await;
        };
        self.serve(listener, stopped)
    }

    fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, dispatch::router(self.app)).with_graceful_shutdown(stop).await
        })?;
        Ok(())
    }
}
