//! Real staging libraries: a folder, nginx with WebDAV, an S3 server. The objects of all three lie below a folder, so that
//! a test can look at them, and damage them, behind everybody's back. The two servers are reached through a line that
//! counts what is sent.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use packhouse::session::Credentials;

use crate::support::tool;

/// Which kind of staging library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Nginx,
    S3,
}

/// Where nginx keeps its modules on Debian.
const MODULES: &str = "/usr/lib/nginx/modules";
const BUCKET: &str = "staging";
const ACCESS_KEY: &str = "AKANNA";
const SECRET_KEY: &str = "s3cretkey";

/// A staging library that ends with the test.
pub(crate) struct Site {
    pub(crate) address: String,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) line: Option<Line>,
    /// The file with the certificate of the server, which signed itself, where it speaks TLS.
    pub(crate) certificate: Option<PathBuf>,
    root: PathBuf,
    /// Ends before its folder does.
    _server: Option<Box<dyn Server>>,
    _place: tempfile::TempDir,
}

/// What ends when it is dropped.
trait Server: Send {}
impl Server for Nginx {}
impl Server for S3 {}

impl Site {
    pub(crate) fn open(kind: Kind) -> Self {
        match kind {
            Kind::Folder => {
                let place = tempfile::tempdir().expect("a folder");
                let root = place.path().join("site");
                fs::create_dir(&root).expect("a folder");
                let address = root.display().to_string();
                Self {
                    address,
                    credentials: None,
                    line: None,
                    certificate: None,
                    root,
                    _server: None,
                    _place: place,
                }
            }
            Kind::Nginx => Self::nginx("PROPFIND OPTIONS", ""),
            Kind::S3 => Self::s3(false),
        }
    }

    /// A server that speaks TLS, with a certificate that it made itself.
    pub(crate) fn secured(kind: Kind) -> Self {
        match kind {
            Kind::Folder => panic!("a folder is no server"),
            Kind::Nginx => Self::nginx_as("PROPFIND OPTIONS", "", true),
            Kind::S3 => Self::s3(true),
        }
    }

    /// nginx with WebDAV; `methods` are those of dav-ext, none for a server that cannot list.
    pub(crate) fn nginx(methods: &str, more: &str) -> Self {
        Self::nginx_as(methods, more, false)
    }

    fn nginx_as(methods: &str, more: &str, is_secured: bool) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().join("site");
        fs::create_dir(&root).expect("a folder");
        let certificate = is_secured.then(|| Certificate::make(place.path()));
        let nginx = Nginx::start(place.path(), &root, methods, more, certificate.as_ref());
        let line = Line::to(nginx.address);
        Self {
            address: format!("{}{}/", scheme(is_secured), line.address),
            credentials: None,
            line: Some(line),
            certificate: certificate.map(|made| made.certificate),
            root,
            _server: Some(Box::new(nginx)),
            _place: place,
        }
    }

    fn s3(is_secured: bool) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let certificate = is_secured.then(|| Certificate::make(place.path()));
        let buckets = place.path().join("buckets");
        fs::create_dir(&buckets).expect("a folder");
        let root = buckets.join(BUCKET);
        fs::create_dir(&root).expect("a bucket");
        let server = S3::start(&buckets, certificate.as_ref());
        let line = Line::to(server.address);
        let credentials = Credentials::Basic { user: ACCESS_KEY.to_owned(), password: SECRET_KEY.to_owned() };
        Self {
            address: format!(
                "s3://{BUCKET}/site?endpoint={}{}&region=us-east-1",
                scheme(is_secured),
                line.address
            ),
            credentials: Some(credentials),
            line: Some(line),
            certificate: certificate.map(|made| made.certificate),
            root: root.join("site"),
            _server: Some(Box::new(server)),
            _place: place,
        }
    }

    /// Where an object lies on the disk of the server.
    pub(crate) fn object(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The address of something in it.
    pub(crate) fn address_of(&self, path: &str) -> String {
        let (base, query) = self
            .address
            .split_once('?')
            .map_or((self.address.as_str(), String::new()), |parts| (parts.0, format!("?{}", parts.1)));
        format!("{}/{path}{query}", base.trim_end_matches('/'))
    }

    /// Bytes that were sent to the server so far.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.line.as_ref().map_or(0, |line| line.shared.sent.load(Ordering::SeqCst))
    }
}

fn scheme(is_secured: bool) -> &'static str {
    if is_secured { "https://" } else { "http://" }
}

/// A certificate that signed itself, with its key, in files.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    config: Arc<rustls::ServerConfig>,
}

impl Certificate {
    fn make(folder: &Path) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).expect("a certificate");
        fs::write(&key, made.signing_key.serialize_pem()).expect("a key");
        let secret = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], secret.expect("a key"))
            .expect("they fit");
        Self { certificate, key, config: Arc::new(config) }
    }
}

/// A line to a server on this computer: counts, and can be cut.
pub(crate) struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    sent: AtomicU64,
    /// No byte goes to the server beyond this many.
    cut_at: AtomicU64,
    has_ended: AtomicBool,
}

impl Line {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            server,
            sent: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
            has_ended: AtomicBool::new(false),
        });
        let line = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if line.has_ended.load(Ordering::SeqCst) {
                    break;
                }
                let line = Arc::clone(&line);
                std::thread::spawn(move || line.carry(client));
            }
        });
        Self { address, shared }
    }

    /// After so many more bytes to the server the line is dead; `None` mends it.
    pub(crate) fn cut_after(&self, bytes: Option<u64>) {
        let at = bytes.map_or(u64::MAX, |bytes| self.shared.sent.load(Ordering::SeqCst) + bytes);
        self.shared.cut_at.store(at, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn carry(&self, mut client: TcpStream) {
        if self.sent.load(Ordering::SeqCst) >= self.cut_at.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut server) = TcpStream::connect(self.server) else { return };
        let (Ok(mut answers), Ok(mut back)) = (server.try_clone(), client.try_clone()) else { return };
        std::thread::spawn(move || {
            let _ = io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        });
        let mut piece = vec![0u8; 16 << 10];
        while let Ok(bytes @ 1..) = client.read(&mut piece) {
            let before = self.sent.fetch_add(bytes as u64, Ordering::SeqCst);
            if before + bytes as u64 > self.cut_at.load(Ordering::SeqCst) {
                break;
            }
            if server.write_all(&piece[..bytes]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    }
}

/// nginx with WebDAV, until dropped.
struct Nginx {
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Path, root: &Path, methods: &str, more: &str, secured: Option<&Certificate>) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let (module, ext) = if methods.is_empty() {
            (String::new(), String::new())
        } else {
            let module = Path::new(MODULES).join("ngx_http_dav_ext_module.so");
            assert!(
                module.is_file(),
                "{} is not there: apt-get install libnginx-mod-http-dav-ext",
                module.display()
            );
            (format!("load_module {};\n", module.display()), format!("dav_ext_methods {methods};"))
        };
        let at = folder.display();
        let (ssl, files) = secured.map_or_else(Default::default, |made| {
            let (certificate, key) = (made.certificate.display(), made.key.display());
            (" ssl", format!("    ssl_certificate {certificate};\n    ssl_certificate_key {key};\n"))
        });
        let configuration = format!(
            "{module}user root;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/errors;\nevents {{}}\nhttp {{\n  \
             access_log off;\n  default_type application/octet-stream;\n  client_body_temp_path {at}/1;\n  \
             proxy_temp_path {at}/2;\n  fastcgi_temp_path {at}/3;\n  uwsgi_temp_path {at}/4;\n  scgi_temp_path {at}/5;\n  \
             client_max_body_size 0;\n  server {{\n    listen 127.0.0.1:{port}{ssl};\n{files}    root \"{}\";\n    \
             location / {{\n      dav_methods PUT DELETE MKCOL COPY MOVE;\n      {ext}\n      {more}\n    }}\n  }}\n}}\n",
            root.display()
        );
        fs::write(folder.join("nginx.conf"), configuration).expect("its configuration");
        let nginx = Self { folder: folder.to_owned(), address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let out = nginx.command().output().expect("nginx runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        nginx
    }

    fn command(&self) -> Command {
        let usual = PathBuf::from("/usr/sbin/nginx");
        let program = if usual.is_file() { usual } else { tool("nginx", "apt-get install nginx") };
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.join("nginx.conf")).arg("-p").arg(&self.folder);
        command.arg("-e").arg(self.folder.join("errors"));
        command
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.command().args(["-s", "stop"]).output();
    }
}

/// An S3 server over a folder, until dropped.
struct S3 {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl S3 {
    fn start(folder: &Path, secured: Option<&Certificate>) -> Self {
        let secured = secured.map(|made| tokio_rustls::TlsAcceptor::from(Arc::clone(&made.config)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let files = s3s_fs::FileSystem::new(folder).expect("a file system");
        let mut builder = s3s::service::S3ServiceBuilder::new(files);
        builder.set_auth(s3s::auth::SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, secured) = (service.clone(), secured.clone());
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    // What comes of one connection is seen at its other end.
                    let _ = match secured {
                        None => http.serve_connection(hyper_util::rt::TokioIo::new(socket), service).await,
                        Some(tls) => {
                            let Ok(socket) = tls.accept(socket).await else { return };
                            http.serve_connection(hyper_util::rt::TokioIo::new(socket), service).await
                        }
                    };
                });
            }
        });
        Self { address, _runtime: runtime }
    }
}
