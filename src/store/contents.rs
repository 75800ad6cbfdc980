//! What is recorded about the files of each package: names, sizes, modes, hashes, as one row a package.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, params};

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::manifest::{FileHashes, ManifestFile};
use crate::package::record::PackageId;
use crate::package::{BlockSize, FileList, Manifest, Sha256Digest};

/// Stands where a hash was lost. No file has this hash.
const NO_HASH: [u8; 32] = [0; 32];

/// What the recorded files of a package come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentsTotals {
    /// Block size.
    pub block_size: BlockSize,
    /// Number of blocks.
    pub blocks: u64,
    /// Whether every file has hashes.
    pub has_all_hashes: bool,
}

impl Default for ContentsTotals {
    /// Of no files at all.
    fn default() -> Self {
        Self { block_size: BlockSize::DEFAULT, blocks: 0, has_all_hashes: true }
    }
}

impl Catalogue {
    /// Paths and sizes of a package as recorded; `None` if the package is not known.
    pub fn file_list(&self, id: PackageId) -> Result<Option<FileList>, StoreError> {
        let blobs: Option<(Vec<u8>, Vec<u8>)> = self
            .connection
            .prepare_cached(
                "SELECT names, sizes FROM contents JOIN packages ON packages.row = contents.package WHERE packages.id = ?1",
            )?
            .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        blobs.map(|(names, sizes)| FileList::from_blobs(&names, &sizes).ok_or_else(|| misfit(id))).transpose()
    }

    /// What the recorded files of a package come to, without reading their names; `None` if the package is not known.
    pub fn contents_totals(&self, id: PackageId) -> Result<Option<ContentsTotals>, StoreError> {
        let blobs: Option<(i64, Vec<u8>, Vec<u8>)> = self
            .connection
            .prepare_cached(
                "SELECT block_size, sizes, file_hashes FROM contents
                 JOIN packages ON packages.row = contents.package WHERE packages.id = ?1",
            )?
            .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((block_size, sizes, file_hashes)) = blobs else { return Ok(None) };
        let block_size = BlockSize::new(from_sql(block_size, "block_size")?)
            .map_err(|e| StoreError::Damaged(e.to_string()))?;
        let (sizes, rest) = sizes.as_chunks::<8>();
        let (file_hashes, _) = file_hashes.as_chunks::<32>();
        if !rest.is_empty() || sizes.len() != file_hashes.len() {
            return Err(misfit(id));
        }
        let blocks = sizes.iter().map(|size| block_size.blocks_in(u64::from_le_bytes(*size)));
        Ok(Some(ContentsTotals {
            block_size,
            blocks: blocks.fold(0, u64::saturating_add),
            has_all_hashes: !file_hashes.contains(&NO_HASH),
        }))
    }

    /// Everything recorded about the files of a package; `None` if the package is not known.
    pub fn manifest(&self, id: PackageId) -> Result<Option<Manifest>, StoreError> {
        type Blobs = (i64, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
        let blobs: Option<Blobs> = self
            .connection
            .prepare_cached(
                "SELECT block_size, names, sizes, executable, file_hashes, blocks.hashes FROM contents
                 JOIN packages ON packages.row = contents.package
                 LEFT JOIN blocks ON blocks.package = contents.package WHERE packages.id = ?1",
            )?
            .query_row([id.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .optional()?;
        let Some((block_size, names, sizes, executable, file_hashes, block_hashes)) = blobs else {
            return Ok(None);
        };
        let block_size = BlockSize::new(from_sql(block_size, "block_size")?)
            .map_err(|e| StoreError::Damaged(e.to_string()))?;
        let list = FileList::from_blobs(&names, &sizes).ok_or_else(|| misfit(id))?;
        let block_hashes = block_hashes.unwrap_or_default();
        let (mut block_hashes, _) = block_hashes.as_chunks::<32>();
        let (file_hashes, _) = file_hashes.as_chunks::<32>();
        if file_hashes.len() != list.len() || executable.len() != list.len() {
            return Err(misfit(id));
        }
        let mut files = Vec::with_capacity(list.len());
        for (index, entry) in list.iter().enumerate() {
            let file_hash = file_hashes[index];
            let count = usize::try_from(block_size.blocks_in(entry.size_bytes)).map_err(|_| misfit(id))?;
            let hashes = match (file_hash == NO_HASH, count) {
                (true, _) => None,
                (false, 0) => Some(FileHashes { file: Sha256Digest(file_hash), blocks: Vec::new() }),
                (false, 1) => {
                    Some(FileHashes { file: Sha256Digest(file_hash), blocks: vec![Sha256Digest(file_hash)] })
                }
                (false, _) => {
                    let (own, rest) = block_hashes.split_at_checked(count).ok_or_else(|| misfit(id))?;
                    block_hashes = rest;
                    let blocks = own.iter().map(|hash| Sha256Digest(*hash)).collect();
                    Some(FileHashes { file: Sha256Digest(file_hash), blocks })
                }
            };
            files.push(ManifestFile {
                path: entry.path.to_owned(),
                size_bytes: entry.size_bytes,
                executable: executable[index] != 0,
                hashes,
            });
        }
        Manifest::from_files(block_size, files).map(Some).map_err(|_| misfit(id))
    }

    /// The packages whose files lie in the library and that have a file of one of these hashes.
    pub fn packages_with_files(&self, hashes: &HashSet<Sha256Digest>) -> Result<Vec<PackageId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT packages.id, file_hashes FROM contents JOIN packages ON packages.row = contents.package
             WHERE trash IS NULL AND state <> 'archived'",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (all, _) = row.get_ref(1)?.as_blob().unwrap_or_default().as_chunks::<32>();
            if all.iter().any(|hash| hashes.contains(&Sha256Digest(*hash))) {
                let id = uuid::Uuid::parse_str(&row.get::<_, String>(0)?);
                found.push(id.map(PackageId).map_err(|error| StoreError::Damaged(error.to_string()))?);
            }
        }
        Ok(found)
    }
}

impl Change<'_> {
    /// Records the files of a package; the package must have been put before.
    pub fn put_manifest(&self, id: PackageId, manifest: &Manifest) -> Result<(), StoreError> {
        let row = self.row_of(id)?;
        let executable: Vec<u8> = manifest.iter().map(|file| u8::from(file.executable)).collect();
        let mut file_hashes = Vec::with_capacity(manifest.len() * 32);
        let mut block_hashes = Vec::new();
        for file in manifest.iter() {
            match file.hashes {
                Some(hashes) => {
                    file_hashes.extend_from_slice(hashes.file.as_bytes());
                    if hashes.blocks.len() > 1 {
                        block_hashes.extend(hashes.blocks.iter().flat_map(|hash| hash.0));
                    }
                }
                None => file_hashes.extend_from_slice(&NO_HASH),
            }
        }
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO contents (package, block_size, names, sizes, executable, file_hashes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row,
                to_sql(manifest.block_size().bytes())?,
                manifest.files().names_blob(),
                manifest.files().sizes_blob(),
                executable,
                file_hashes,
            ])?;
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO blocks (package, hashes) VALUES (?1, ?2)")?
            .execute(params![row, block_hashes])?;
        Ok(())
    }
}

fn misfit(id: PackageId) -> StoreError {
    StoreError::Damaged(format!("the recorded files of package {id} do not fit together"))
}
