//! How a session reaches the network: what was chosen for the library, kept in secure storage, used by downloads at once.

use std::sync::Mutex;

use super::downloads::LibraryHome;
use super::{DownloadsSetting, NetworkOptions, NetworkSetting, ProxyAddress, Request, Session, unpanicked};
use crate::failure::Failure;
use crate::transfer::downloads::Home as _;
use crate::work::Work;

/// What a program was told of the network by its surroundings, whatever is chosen for a library.
#[derive(Clone, Debug, Default)]
pub struct NetworkSurroundings {
    /// The proxy that the environment names.
    pub proxy: Option<ProxyAddress>,
    /// Root certificates (PEM) that are trusted beside those of the system and those that were chosen.
    pub extra_roots: Vec<Vec<u8>>,
}

impl NetworkSurroundings {
    fn options(&self, setting: &NetworkSetting) -> Result<NetworkOptions, Failure> {
        let mut options = setting.options(self.proxy.as_ref())?;
        options.extra_roots.extend(self.extra_roots.iter().cloned());
        Ok(options)
    }
}

impl From<Option<ProxyAddress>> for NetworkSurroundings {
    fn from(proxy: Option<ProxyAddress>) -> Self {
        Self { proxy, extra_roots: Vec::new() }
    }
}

impl From<NetworkOptions> for NetworkSurroundings {
    fn from(options: NetworkOptions) -> Self {
        Self { proxy: options.proxy, extra_roots: options.extra_roots }
    }
}

/// What a session knows of the network.
#[derive(Default)]
pub(super) struct Network {
    known: Mutex<(NetworkSetting, NetworkSurroundings)>,
}

impl Network {
    fn set(&self, setting: NetworkSetting, environment: NetworkSurroundings) {
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = (setting, environment);
    }

    fn get(&self) -> (NetworkSetting, NetworkSurroundings) {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Session {
    /// Reads what was chosen for this library and lets downloads go that way; `environment` is what the surroundings say:
    /// the proxy that the environment names, certificates that were named. Before downloads are first asked for. Waits for
    /// the disk. What was chosen and cannot be used is said in the log, and the system's certificates and what the
    /// surroundings say count.
    pub fn use_network(&self, environment: impl Into<NetworkSurroundings>) -> Result<(), Failure> {
        let environment = environment.into();
        let home = LibraryHome::of(self);
        let (keys, owner) = (home.keys_folder().to_owned(), home.owner());
        let mut read = Ok(NetworkSetting::default());
        home.database(&mut |catalogue| read = NetworkSetting::kept(&keys, catalogue, &owner))?;
        let setting = read.unwrap_or_else(|failure| {
            tracing::warn!(%failure, "how the network is reached cannot be read");
            NetworkSetting::default()
        });
        let network = environment.options(&setting).or_else(|failure| {
            tracing::warn!(%failure, "the network cannot be reached as was chosen");
            environment.options(&NetworkSetting::default())
        })?;
        self.shared.network.set(setting, environment);
        self.set_downloads(DownloadsSetting { network, ..self.downloads_setting() })
    }

    /// How the network is reached from here, by whatever fetches or sends. Cheap.
    pub(crate) fn network_options(&self) -> NetworkOptions {
        self.downloads_setting().network
    }

    /// What was chosen, without the password, and whether there is one. Cheap.
    pub fn network_setting(&self) -> (NetworkSetting, bool) {
        let (mut setting, _) = self.shared.network.get();
        let has_password = !setting.password.is_empty();
        setting.password.clear();
        (setting, has_password)
    }

    /// The proxy that the environment names, without user and password. Cheap.
    pub fn environment_proxy(&self) -> Option<String> {
        let (_, environment) = self.shared.network.get();
        environment.proxy.map(|proxy| crate::transfer::codebase::without_password(&proxy.url))
    }
}

/// Chooses how the network is reached. Kept for this user; downloads that run are stopped in order and go on that way.
#[derive(Clone, Debug)]
pub struct SetNetwork {
    /// What is chosen.
    pub setting: NetworkSetting,
    /// The password that is known already stays.
    pub keeps_password: bool,
}

impl Request for SetNetwork {
    type Reply = ();

    fn title(&self) -> String {
        "Setting the network".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<(), Failure> {
        super::downloads::of_writable(session)?;
        unpanicked(|| {
            let Self { mut setting, keeps_password } = self;
            let (before, environment) = session.shared.network.get();
            if keeps_password {
                setting.password.clone_from(&before.password);
            }
            let network = environment.options(&setting)?;
            let home = LibraryHome::of(session);
            let (keys, owner) = (home.keys_folder().to_owned(), home.owner());
            let mut kept = Ok(());
            home.database(&mut |catalogue| kept = setting.keep(&keys, catalogue, &owner))?;
            kept?;
            session.shared.network.set(setting, environment);
            session.set_downloads(DownloadsSetting { network, ..session.downloads_setting() })
        })
    }
}
