//! What all requests share.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{RwLock, RwLockReadGuard};

use banbury_evidence::Sha256;
use banbury_evidence::act::{Act, Role};
use banbury_evidence::store::{Store, StoreError};
use banbury_store::{Accounts, Index, IndexError};

use crate::exchange::Fault;
use crate::jobs::Jobs;
use crate::pages::network::NetworkView;
use crate::sources::Sources;
use crate::{Network, Options, ServerError, accounts};

/// How long an invitation holds [s].
const INVITATION: i64 = 24 * 3600;

pub struct App {
    store: RwLock<Store>,
    pub index: Index,
    pub accounts: Accounts,
    pub signing_in: Mutex<()>,
    pub jobs: Jobs,
    pub sources: Sources,
    pub network: Option<NetworkView>,
    pub options: Options,
}

impl App {
    pub fn open(options: Options, network: Option<Network>) -> Result<App, ServerError> {
        let folder = options.centre.join("server");
        let store = Store::open(&options.centre)?;
        let index = Index::open(&folder.join("index.db"))?;
        index.follow(&store)?;
        Ok(App {
            accounts: Accounts::open(&folder.join("accounts.db"))?,
            signing_in: Mutex::default(),
            jobs: Jobs::new(folder.join("jobs"))?,
            sources: Sources::new(folder.join("sources")),
            store: RwLock::new(store),
            index,
            network: network.map(NetworkView::new),
            options,
        })
    }

    /// The centre for reading. Acts wait meanwhile. May be held while it is asked for again.
    pub fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read_recursive()
    }

    /// Writes acts down, all or none; gives the number of the first. They are on the disk then.
    pub fn act(&self, actor: &str, acts: Vec<Act>) -> Result<u64, StoreError> {
        let mut store = self.store.write();
        let first = store.act_all(actor, acts)?;
        if let Err(error) = self.index.follow(&store) {
            // The acts stand; the index takes them in with the next ones, or when the server starts.
            tracing::error!(%error, "the index is behind the log");
        }
        Ok(first)
    }

    /// The time that acts are given; the clock's where there is none. For a made-up history only.
    pub fn set_clock(&self, now: Option<SystemTime>) {
        self.store.write().now = now;
    }

    /// Keeps content that an act is about to name.
    pub fn put(&self, content: &[u8]) -> Result<Sha256, StoreError> {
        self.store().put(content)
    }

    /// Content as text; a remark in its place if it is damaged.
    pub fn text(&self, hash: Sha256) -> String {
        match self.store().get(hash) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("({error})"),
        }
    }

    pub fn invite(&self, person: &str) -> Result<String, IndexError> {
        let code = accounts::secret();
        self.accounts.invite(person, &accounts::hashed(&code), now() + INVITATION)?;
        Ok(code)
    }

    pub fn first_invitations(&self) -> Result<Vec<(String, String)>, IndexError> {
        if !self.accounts.is_empty()? {
            return Ok(Vec::new());
        }
        let store = self.store();
        let people = store.centre().people.iter();
        let administrators =
            people.filter(|(_, one)| !one.dismissed && one.roles.contains(&Role::Administrator));
        administrators.map(|(name, _)| Ok((name.clone(), self.invite(name)?))).collect()
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refused) => Fault::Refused(refused.to_string()),
            other => Fault::Internal(other.to_string()),
        }
    }
}

impl From<IndexError> for Fault {
    fn from(error: IndexError) -> Self {
        Fault::Internal(error.to_string())
    }
}
