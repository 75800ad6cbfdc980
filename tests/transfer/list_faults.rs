//! The state of a download is lost, torn, old or lies: it costs time, never a wrong byte, never a stop.

use std::fs;
use std::path::PathBuf;

use packhouse::package::download::{DownloadId, DownloadState};
use packhouse::session::AddDownload;

use crate::desk::Outcome;
use crate::publisher::{BLOCK, Scene, Watched, add, has_files};

/// A download that stands half done in a library that is closed.
struct Half {
    scene: Scene,
    id: DownloadId,
    /// Bytes that were proven.
    done_bytes: u64,
}

impl Half {
    fn new() -> Self {
        let scene = Scene::new(12);
        let session = scene.here.open();
        let request = AddDownload { limit: Some(BLOCK as u64 * 4), ..scene.request() };
        let id = add(&session, request).expect("it begins");
        let watched = Watched::of(&session);
        let enough = 3 * BLOCK as u64;
        watched.until(id, |row| row.state == DownloadState::Downloading && row.done_bytes >= enough);
        drop((watched, session));
        Self { scene, id, done_bytes: enough }
    }

    fn library(&self) -> PathBuf {
        self.scene.here.folder.join("library")
    }

    fn database(&self) -> rusqlite::Result<rusqlite::Connection> {
        rusqlite::Connection::open(self.library().join("catalog.db"))
    }

    fn progress(&self) -> PathBuf {
        let mut files = fs::read_dir(self.library().join("progress")).expect("a folder");
        files.next().expect("a record").expect("an entry").path()
    }

    /// Opens the library again and lets it come to its end; gives what the server sent for it, and all that was told.
    fn ends_well(self) -> (u64, String) {
        let before = self.scene.origin.sent_bytes();
        let session = self.scene.here.open();
        let watched = Watched::of(&session);
        watched.downloads.set_limit(self.id, None);
        let row = watched.until_state(self.id, DownloadState::Ready);
        has_files(&self.scene.target(), &self.scene.files);
        let events = watched.downloads.live(self.id).expect("it ran here").events();
        let told = events.iter().map(|event| event.text.as_str()).collect::<Vec<_>>().join("\n");
        let sent = self.scene.origin.sent_bytes() - before;
        let missing =
            row.total_bytes.expect("known") - row.blocks.expect("it ran").kept as u64 * BLOCK as u64;
        // The texts beside the snapshot are small.
        assert!(sent <= missing + BLOCK as u64, "{sent} sent, {missing} were missing");
        (sent, told)
    }
}

#[test]
fn the_progress_record_is_lost_cut_or_empty() -> Outcome {
    let half = Half::new();
    fs::remove_file(half.progress())?;
    half.ends_well();
    for keep in [0, 200] {
        let half = Half::new();
        let mut text = fs::read(half.progress())?;
        text.truncate(keep);
        fs::write(half.progress(), text)?;
        let (_, told) = half.ends_well();
        assert!(told.contains("the progress record is not used"), "{told}");
    }
    Ok(())
}

#[test]
fn the_progress_record_says_that_all_is_done_and_nothing_of_it_is_believed() -> Outcome {
    let half = Half::new();
    let text = fs::read_to_string(half.progress())?;
    let start = text.find("<blocks ").ok_or("it has blocks")?;
    let from = start + text[start..].find('>').ok_or("an end")? + 1;
    let to = from + text[from..].find('<').ok_or("an end")?;
    let lie = format!("{}0-12{}", &text[..from], &text[to..]);
    assert_ne!(lie, text);
    fs::write(half.progress(), lie.replace("Downloading", "Ready"))?;
    let (_, told) = half.ends_well();
    assert!(told.contains("says more than was proven"), "{told}");
    Ok(())
}

#[test]
fn files_that_were_changed_under_a_clean_stop_are_found() -> Outcome {
    let half = Half::new();
    let path = half.scene.target().join("data/bin/app.bin");
    let mut content = fs::read(&path)?;
    content[10] ^= 1;
    let before = fs::metadata(&path)?.modified()?;
    fs::write(&path, content)?;
    assert_ne!(fs::metadata(&path)?.modified()?, before);
    half.ends_well();
    Ok(())
}

#[test]
fn all_files_are_gone() -> Outcome {
    let half = Half::new();
    fs::remove_dir_all(half.scene.target())?;
    let (sent, _) = half.ends_well();
    assert!(sent > 11 * BLOCK as u64);
    Ok(())
}

#[test]
fn rows_of_secure_storage_are_lost_cut_or_forged() -> Outcome {
    for change in [
        "DELETE FROM secure",
        "UPDATE secure SET sealed = zeroblob(length(sealed))",
        "UPDATE secure SET sealed = substr(sealed, 1, length(sealed) / 2)",
        "UPDATE secure SET sealed = x''",
    ] {
        let half = Half::new();
        assert!(half.done_bytes > 0);
        assert!(half.database()?.execute(change, [])? > 0);
        let (_, told) = half.ends_well();
        assert!(told.contains("the snapshot was fetched"), "{change}: {told}");
    }
    Ok(())
}

#[test]
fn one_bit_of_a_row_of_secure_storage_is_turned() -> Outcome {
    let half = Half::new();
    let sealed = "SELECT sealed FROM secure WHERE kind = 'snapshot'";
    let mut row: Vec<u8> = half.database()?.query_row(sealed, [], |row| row.get(0))?;
    let middle = row.len() / 2;
    row[middle] ^= 4;
    half.database()?.execute("UPDATE secure SET sealed = ?1 WHERE kind = 'snapshot'", [row])?;
    let (_, told) = half.ends_well();
    assert!(told.contains("the snapshot was fetched"), "{told}");
    Ok(())
}

/// The rows of another library of the same user, under the same key and for the same package.
#[test]
fn rows_of_another_library_open_nothing() -> Outcome {
    let half = Half::new();
    let change = "UPDATE library SET value = ?1 WHERE name = 'id'";
    assert_eq!(half.database()?.execute(change, [uuid::Uuid::from_u128(7).to_string()])?, 1);
    let (_, told) = half.ends_well();
    assert!(told.contains("the snapshot was fetched"), "{told}");
    Ok(())
}

#[test]
fn the_key_of_secure_storage_is_out_of_reach_and_nothing_is_thrown_away() -> Outcome {
    let half = Half::new();
    let key = half.scene.here.folder.join("keys/secure-storage.key");
    let aside = half.scene.root.join("key");
    fs::rename(&key, &aside)?;
    let session = half.scene.here.open();
    let watched = Watched::of(&session);
    let row = watched.until(half.id, |row| row.state == DownloadState::Retrying);
    assert!(row.reason.contains("secure storage"), "{row:?}");
    fs::rename(&aside, &key)?;
    watched.downloads.set_limit(half.id, None);
    watched.downloads.retry_now(half.id);
    watched.until_state(half.id, DownloadState::Ready);
    has_files(&half.scene.target(), &half.scene.files);
    Ok(())
}
