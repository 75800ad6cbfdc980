//! Windows Installer: the table `Property` of the database in an `.msi`.

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Told;

/// Bytes that may be read of one file: the tables, not the files in it.
pub(super) const MOST_BYTES: u64 = 64 << 20;

/// Reads the properties; `None` if it is no database with some.
pub(super) fn read(file: impl Read + Seek) -> Option<Told> {
    // The crate asserts what it expects of a database; a hostile one must be no more than one that says nothing.
    catch_unwind(AssertUnwindSafe(|| properties(file))).ok().flatten()
}

fn properties(file: impl Read + Seek) -> Option<Told> {
    let mut database = msi::Package::open(file).ok()?;
    let table = database.get_table("Property")?;
    if !table.has_column("Property") || !table.has_column("Value") {
        return None;
    }
    let mut told = Told { from: "the MSI properties", ..Told::default() };
    for row in database.select_rows(msi::Select::table("Property")).ok()? {
        let field = match row["Property"].as_str() {
            Some("ProductName") => &mut told.name,
            Some("ProductVersion") => &mut told.version,
            Some("Manufacturer") => &mut told.supplier,
            Some("ProductCode") => &mut told.identity,
            _ => continue,
        };
        *field = row["Value"].as_str().unwrap_or_default().to_owned();
    }
    // Only what is a product code goes into a command.
    let is_code =
        uuid::Uuid::try_parse(told.identity.trim()).is_ok() && told.identity.trim().starts_with('{');
    if !is_code {
        told.identity.clear();
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::Bounded;
    use super::super::mutation::mutated;
    use super::*;

    fn database(properties: &[(&str, &str)]) -> std::io::Result<Vec<u8>> {
        let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new()))?;
        let columns = vec![
            msi::Column::build("Property").primary_key().id_string(72),
            msi::Column::build("Value").text_string(0),
        ];
        package.create_table("Property", columns)?;
        let rows =
            properties.iter().map(|(name, value)| vec![msi::Value::from(*name), msi::Value::from(*value)]);
        package.insert_rows(msi::Insert::into("Property").rows(rows.collect()))?;
        Ok(package.into_inner()?.into_inner())
    }

    fn sample() -> Vec<u8> {
        database(&[
            ("ProductName", "7-Zip 24.09"),
            ("ProductVersion", "24.09"),
            ("Manufacturer", "Igor Pavlov"),
            ("ProductCode", "{23170F69-40C1-2702-2409-000001000000}"),
        ])
        .expect("it can be written")
    }

    fn told(bytes: Vec<u8>) -> Option<Told> {
        read(Bounded::new(Cursor::new(bytes), MOST_BYTES))
    }

    #[test]
    fn the_properties_are_read() {
        let told = told(sample()).expect("it is a database");
        assert_eq!((told.name.as_str(), told.version.as_str()), ("7-Zip 24.09", "24.09"));
        assert_eq!((told.supplier.as_str(), told.from), ("Igor Pavlov", "the MSI properties"));
        assert_eq!(told.identity, "{23170F69-40C1-2702-2409-000001000000}");
        assert_eq!(told.tidied().name, "7-Zip");
    }

    #[test]
    fn what_is_no_product_code_goes_into_no_command() {
        let bytes = database(&[("ProductName", "x"), ("ProductCode", "/i evil.msi")]).expect("written");
        assert_eq!(told(bytes).expect("it is a database").identity, "");
        assert_eq!(told(b"MZ no database".to_vec()), None);
        assert_eq!(read(Bounded::new(Cursor::new(sample()), 600)), None, "no more is read than may be");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_mutated_database_ends_in_an_answer_or_none(bytes in mutated(sample())) {
            if let Some(told) = told(bytes) {
                prop_assert!(told.tidied().name.chars().count() <= 100);
            }
        }
    }
}
