//! The schema of `catalog.db` and its migrations, one function a step, never changed once released.

use rusqlite::Connection;

use super::StoreError;

/// `PRAGMA application_id`: "PkHs".
const APPLICATION_ID: i64 = 0x506b_4873;

/// Steps from an empty database; the format is their number.
const STEPS: &[&str] = &[FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5];

/// The newest format this program writes.
pub(super) const FORMAT: i64 = STEPS.len() as i64;

const FORMAT_1: &str = "
CREATE TABLE library (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE packages (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    folded TEXT NOT NULL,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    supplier TEXT NOT NULL,
    package_type TEXT NOT NULL,
    based_on TEXT,
    group_name TEXT NOT NULL,
    comment TEXT NOT NULL,
    replaces TEXT,
    retired INTEGER NOT NULL,
    filed_by TEXT NOT NULL,
    registered INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    checksum_control INTEGER NOT NULL,
    files INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    checksum_event TEXT NOT NULL,
    checksum_at INTEGER NOT NULL,
    finding TEXT NOT NULL,
    noticed_at INTEGER,
    noticed_by TEXT,
    marked_at INTEGER,
    quick_at INTEGER,
    quick_finding TEXT,
    quick_ms INTEGER,
    deep_at INTEGER,
    deep_finding TEXT,
    deep_ms INTEGER,
    sealed_once INTEGER NOT NULL,
    seal TEXT,
    archive TEXT,
    procedures TEXT NOT NULL,
    -- the folder below .trash/ of a package that was removed and can be taken back
    trash TEXT
) STRICT;
CREATE UNIQUE INDEX packages_folded ON packages (folded) WHERE trash IS NULL;
CREATE INDEX packages_name ON packages (lower(name)) WHERE trash IS NULL;

-- One row a package, not one a file: 2 million paths are read at the speed of memory.
CREATE TABLE contents (
    package INTEGER PRIMARY KEY REFERENCES packages (row) ON DELETE CASCADE,
    block_size INTEGER NOT NULL,
    names BLOB NOT NULL,
    sizes BLOB NOT NULL,
    executable BLOB NOT NULL,
    file_hashes BLOB NOT NULL
) STRICT;

-- Block hashes of the files of several blocks; read by deep checks and sealing only.
CREATE TABLE blocks (
    package INTEGER PRIMARY KEY REFERENCES packages (row) ON DELETE CASCADE,
    hashes BLOB NOT NULL
) STRICT;

-- The last verification of a package, while it does not agree.
CREATE TABLE reports (
    package INTEGER PRIMARY KEY REFERENCES packages (row) ON DELETE CASCADE,
    report TEXT NOT NULL
) STRICT;

CREATE TABLE history (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    who TEXT NOT NULL,
    package_id TEXT,
    line TEXT NOT NULL
) STRICT;
CREATE INDEX history_package ON history (package_id, number) WHERE package_id IS NOT NULL;

-- Changes of several files that were decided and may not be finished: opening the library finishes them.
CREATE TABLE intents (
    operation TEXT PRIMARY KEY,
    package TEXT NOT NULL,
    steps TEXT NOT NULL
) STRICT;

CREATE TABLE groups (
    name TEXT PRIMARY KEY
) STRICT;
";

const FORMAT_2: &str = "
-- The deep check over many packages: the one that runs, stands still, or ended last.
CREATE TABLE library_check (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    asked TEXT NOT NULL,
    begun INTEGER NOT NULL,
    begun_by TEXT NOT NULL,
    ended INTEGER,
    stopped_because TEXT
) STRICT;

-- Its packages in the order they are read; without an outcome they are still to do.
CREATE TABLE library_check_packages (
    place INTEGER PRIMARY KEY,
    package_id TEXT NOT NULL,
    files INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    outcome TEXT
) STRICT;
CREATE INDEX library_check_left ON library_check_packages (place) WHERE outcome IS NULL;
";

const FORMAT_3: &str = "
-- Secure storage. Rows of several users' keys lie side by side; none is opened here.
CREATE TABLE secure (
    kind TEXT NOT NULL,
    package_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    saved INTEGER NOT NULL,
    PRIMARY KEY (kind, package_id, key_id)
) STRICT;

CREATE TABLE downloads (
    id TEXT PRIMARY KEY,
    package_id TEXT,
    package_key TEXT,
    -- the id of the snapshot and the progress: the package's, for one download of it
    kept_as TEXT UNIQUE,
    address TEXT NOT NULL,
    folder TEXT NOT NULL,
    codebases TEXT NOT NULL,
    connections INTEGER NOT NULL,
    limit_bytes INTEGER,
    ladder TEXT NOT NULL,
    wanted TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    trust TEXT,
    allow_older INTEGER NOT NULL,
    register INTEGER NOT NULL,
    registered_as TEXT,
    size_bytes INTEGER,
    created INTEGER NOT NULL,
    finished INTEGER,
    place INTEGER NOT NULL
) STRICT;

-- Outlives the downloads: a lower revision than the highest seen is refused.
CREATE TABLE revisions_seen (
    package_id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT;
";

const FORMAT_4: &str = "
CREATE TABLE staging_libraries (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    -- addresses hold no password
    write_address TEXT NOT NULL,
    read_address TEXT,
    report_address TEXT,
    line TEXT NOT NULL,
    for_tests INTEGER NOT NULL,
    added INTEGER NOT NULL,
    reconciled TEXT
) STRICT;

-- Outlives the package: what was staged of a package that was removed still lies there.
CREATE TABLE staged (
    staging_id TEXT NOT NULL REFERENCES staging_libraries (id) ON DELETE CASCADE,
    package_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    revision INTEGER NOT NULL,
    snapshot BLOB NOT NULL,
    files INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    staged_at INTEGER NOT NULL,
    staged_by TEXT NOT NULL,
    finding TEXT NOT NULL,
    listed_at INTEGER,
    read_at INTEGER,
    -- while it is being sent: one bit a file in the order of its snapshot, set once the file is there
    sent BLOB,
    PRIMARY KEY (staging_id, package_id)
) STRICT;
CREATE INDEX staged_package ON staged (package_id);
";

const FORMAT_5: &str = "
CREATE TABLE computers (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL,
    test INTEGER NOT NULL,
    staging TEXT,
    staging_only INTEGER NOT NULL,
    added INTEGER NOT NULL,
    agent TEXT UNIQUE,
    agent_key TEXT,
    enrolled INTEGER,
    -- the staging library where its agent looks for jobs
    polls TEXT,
    seen INTEGER,
    host TEXT NOT NULL DEFAULT '',
    system TEXT NOT NULL DEFAULT '',
    system_version TEXT NOT NULL DEFAULT '',
    architecture TEXT NOT NULL DEFAULT '',
    agent_version TEXT NOT NULL DEFAULT '',
    free_bytes INTEGER,
    -- reports below this number were applied, and those in reports_applied
    reports_below INTEGER NOT NULL DEFAULT 1,
    -- the report that said the facts
    facts_number INTEGER NOT NULL DEFAULT 0,
    -- how often it was marked as to be written since it was; a mark set while it is written is not lost
    document_wanted INTEGER NOT NULL DEFAULT 0,
    document_sequence INTEGER NOT NULL DEFAULT 0,
    document_said BLOB,
    document_expires INTEGER
) STRICT;
CREATE INDEX computers_wanted ON computers (row) WHERE document_wanted > 0;
CREATE INDEX computers_polls ON computers (polls) WHERE polls IS NOT NULL;

CREATE TABLE computer_groups (
    row INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL DEFAULT '',
    staging TEXT,
    staging_only INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE computer_group_members (
    computer_group INTEGER NOT NULL REFERENCES computer_groups (row) ON DELETE CASCADE,
    computer INTEGER NOT NULL REFERENCES computers (row) ON DELETE CASCADE,
    PRIMARY KEY (computer_group, computer)
) STRICT, WITHOUT ROWID;
CREATE INDEX computer_group_members_computer ON computer_group_members (computer);

-- Their secrets lie in secure storage.
CREATE TABLE enrolment_tokens (
    id TEXT PRIMARY KEY,
    group_name TEXT,
    test INTEGER NOT NULL,
    computer_name TEXT,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER,
    used_by TEXT
) STRICT;

CREATE TABLE reports_applied (
    computer INTEGER NOT NULL REFERENCES computers (row) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    PRIMARY KEY (computer, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE installations (
    computer INTEGER NOT NULL REFERENCES computers (row) ON DELETE CASCADE,
    package_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    revision INTEGER NOT NULL,
    procedure TEXT NOT NULL,
    task TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (computer, package_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX installations_package ON installations (package_id);

CREATE TABLE containers (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    definition TEXT NOT NULL,
    halted INTEGER NOT NULL,
    evaluated INTEGER,
    ended INTEGER,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    report TEXT
) STRICT;
CREATE INDEX containers_open ON containers (row) WHERE ended IS NULL;

CREATE TABLE container_packages (
    container INTEGER NOT NULL REFERENCES containers (row) ON DELETE CASCADE,
    entry INTEGER NOT NULL,
    package_id TEXT NOT NULL,
    package_key TEXT NOT NULL,
    PRIMARY KEY (container, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX container_packages_package ON container_packages (package_id);

-- What was proven when delivery environments were set up, and what their jobs are told.
CREATE TABLE environments (
    row INTEGER PRIMARY KEY,
    container INTEGER NOT NULL REFERENCES containers (row) ON DELETE CASCADE,
    entry INTEGER NOT NULL,
    facts TEXT NOT NULL,
    UNIQUE (container, entry, facts)
) STRICT;

CREATE TABLE jobs (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    container INTEGER NOT NULL REFERENCES containers (row) ON DELETE CASCADE,
    entry INTEGER NOT NULL,
    computer INTEGER REFERENCES computers (row) ON DELETE SET NULL,
    target TEXT NOT NULL,
    batch BLOB,
    state TEXT NOT NULL,
    after TEXT NOT NULL,
    known INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    percent INTEGER,
    exit_code INTEGER,
    changed INTEGER NOT NULL,
    begun INTEGER,
    ended INTEGER,
    environment INTEGER
) STRICT;
-- in the order of turns
CREATE INDEX jobs_state ON jobs (container, state);
-- for counting
CREATE INDEX jobs_class ON jobs (container, state, after, known);
CREATE INDEX jobs_computer ON jobs (computer);
CREATE INDEX jobs_listed ON jobs (computer) WHERE listed = 1;

CREATE TABLE job_details (
    job INTEGER PRIMARY KEY REFERENCES jobs (row) ON DELETE CASCADE,
    output TEXT,
    differences TEXT,
    meaning TEXT
) STRICT;

CREATE TABLE manager_lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    holder TEXT NOT NULL,
    who TEXT NOT NULL,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    how TEXT NOT NULL,
    since INTEGER NOT NULL,
    renewed INTEGER NOT NULL
) STRICT;
";

/// Brings the database to [`FORMAT`]; refuses a newer one and one of another program, unchanged.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if version(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another program may have done it while this one waited for its turn.
    let found = version(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

/// For reading only: the format must be one this program knows, and made.
pub(super) fn check_version(connection: &Connection) -> Result<(), StoreError> {
    match version(connection)? {
        0 => Err(StoreError::Damaged("it is empty".to_owned())),
        _ => Ok(()),
    }
}

/// The format. All that tells it is read at one moment: another program may be making the database.
fn version(connection: &Connection) -> Result<i64, StoreError> {
    if connection.is_autocommit() {
        return version_now(&*connection.unchecked_transaction()?);
    }
    version_now(connection)
}

fn version_now(connection: &Connection) -> Result<i64, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (version != 0 || tables != 0) {
        return Err(StoreError::Damaged("it is the database of another program".to_owned()));
    }
    if version > FORMAT {
        return Err(StoreError::Newer { found: version, known: FORMAT });
    }
    if version < 0 {
        return Err(StoreError::Damaged("its format is negative".to_owned()));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Catalogue;

    #[test]
    fn a_library_of_format_2_gains_downloads_and_loses_nothing() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("catalog.db");
        let connection = Connection::open(&path)?;
        connection.execute_batch(FORMAT_1)?;
        connection.execute_batch(FORMAT_2)?;
        connection.execute("INSERT INTO library (name, value) VALUES ('id', 'L')", [])?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", 2)?;
        drop(connection);
        let read_only = Catalogue::open_read_only(&path, false)?;
        assert_eq!((read_only.format()?, read_only.downloads()?), (2, Vec::new()));
        drop(read_only);
        let catalogue = Catalogue::open(&path)?;
        assert_eq!((catalogue.format()?, catalogue.library_value("id")?), (FORMAT, Some("L".to_owned())));
        assert_eq!(catalogue.downloads()?, Vec::new());
        assert_eq!(catalogue.secure_keys_of("anna@pc")?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn a_library_of_format_3_gains_staging_libraries_and_loses_nothing()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("catalog.db");
        let connection = Connection::open(&path)?;
        for step in [FORMAT_1, FORMAT_2, FORMAT_3] {
            connection.execute_batch(step)?;
        }
        connection.execute("INSERT INTO revisions_seen (package_id, revision) VALUES ('P', 3)", [])?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", 3)?;
        drop(connection);
        let package = crate::package::PackageId(uuid::Uuid::from_u128(7));
        let read_only = Catalogue::open_read_only(&path, false)?;
        assert_eq!((read_only.staging_libraries()?, read_only.staged()?), (Vec::new(), Vec::new()));
        assert_eq!(read_only.places_of(package)?, Vec::new());
        drop(read_only);
        let catalogue = Catalogue::open(&path)?;
        assert_eq!((catalogue.format()?, catalogue.staging_libraries()?), (FORMAT, Vec::new()));
        drop(catalogue);
        let kept: i64 = Connection::open(&path)?.query_row(
            "SELECT revision FROM revisions_seen WHERE package_id = 'P'",
            [],
            |row| row.get(0),
        )?;
        assert_eq!(kept, 3);
        Ok(())
    }

    #[test]
    fn a_library_of_format_4_gains_computers_and_jobs_and_loses_nothing()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("catalog.db");
        let connection = Connection::open(&path)?;
        for step in [FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4] {
            connection.execute_batch(step)?;
        }
        connection.execute("INSERT INTO library (name, value) VALUES ('id', 'L')", [])?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", 4)?;
        drop(connection);
        let package = crate::package::PackageId(uuid::Uuid::from_u128(7));
        let read_only = Catalogue::open_read_only(&path, false)?;
        assert_eq!(read_only.format()?, 4);
        assert_eq!(read_only.computers(&crate::store::ComputerFilter::default())?, Vec::new());
        assert_eq!((read_only.containers()?, read_only.job_counts(None)?), (Vec::new(), Vec::new()));
        assert_eq!(
            (read_only.installation_count(package)?, read_only.waiting_job_count(package)?),
            ((0, 0), 0)
        );
        assert_eq!((read_only.enrolment_tokens()?, read_only.manager_lease()?), (Vec::new(), None));
        drop(read_only);
        let catalogue = Catalogue::open(&path)?;
        assert_eq!((catalogue.format()?, catalogue.library_value("id")?), (FORMAT, Some("L".to_owned())));
        assert_eq!((catalogue.computer_count()?, catalogue.waiting_job_count(package)?), (0, 0));
        Ok(())
    }
}
