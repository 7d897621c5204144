//! The pins of all migrations: what was shipped never changes.

use coffer::family_set::FamilySet;
use coffer_crypto::hash::sha256;
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{Migration, MigrationSet};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Where the pins stand, from the root.
const FILE: &str = "tests/fixtures/migrations.txt";

/// Which migration: its store, its component and its version there.
type Place = (&'static str, String, u32);

/// A migration as it is pinned.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Pin {
    name: String,
    /// SHA-256 of the file, which SQLite is given as it is.
    file: String,
    /// SHA-256 of the statements that PostgreSQL is sent.
    postgres: String,
}

/// The migrations of both stores, as this build has them.
fn of_this_build() -> BTreeMap<Place, Pin> {
    let data = FamilySet::default().migrations();
    pins("data", &data).chain(pins("keys", &[KEY_MIGRATIONS])).collect()
}

/// How many migrations a store of this build has had, by the name of the store.
pub fn count(store: &str) -> usize {
    of_this_build().keys().filter(|(of, _, _)| *of == store).count()
}

fn pins(store: &'static str, sets: &[MigrationSet]) -> impl Iterator<Item = (Place, Pin)> {
    sets.iter().flat_map(move |set| {
        set.migrations.iter().map(move |migration| {
            ((store, set.component.to_owned(), migration.version), Pin::of(migration))
        })
    })
}

impl Pin {
    fn of(migration: &Migration) -> Self {
        let hash = |text: &str| {
            sha256(&[text.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        Self {
            name: migration.name.to_owned(),
            file: hash(migration.sql),
            postgres: hash(&migration.for_postgres().unwrap()),
        }
    }

    /// The line of the file.
    fn line(&self, (store, component, version): &Place) -> String {
        let Self { name, file, postgres } = self;
        format!("{store} {component} {version} {name} {file} {postgres}")
    }
}

/// Reads the file of the pins.
fn parse(text: &str) -> BTreeMap<Place, Pin> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [store, component, version, name, file, postgres] = words[..] else {
            panic!("{FILE}: six words make a line, and this is none: {line}");
        };
        let store = ["data", "keys"].into_iter().find(|known| *known == store).unwrap();
        let place = (store, component.to_owned(), version.parse().unwrap());
        let [name, file, postgres] = [name, file, postgres].map(str::to_owned);
        assert!(all.insert(place, Pin { name, file, postgres }).is_none(), "twice: {line}");
    }
    all
}

/// What is wrong with the migrations of a build by the pins, and what to do about it.
fn compare(pinned: &BTreeMap<Place, Pin>, built: &BTreeMap<Place, Pin>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, pin) in pinned {
        let (store, component, version) = place;
        let which = format!("migration {version} (\"{}\") of \"{component}\", {store}", pin.name);
        let Some(now) = built.get(place) else {
            wrong.push(format!("{which}, was shipped and is gone: put it back"));
            continue;
        };
        if now.name != pin.name || now.file != pin.file {
            wrong.push(format!(
                "{which}, was shipped and has been changed. Stores have it already, and refuse a \
                 build that has another: put it back as it was, and make the change in a new \
                 migration, the next version of \"{component}\""
            ));
        } else if now.postgres != pin.postgres {
            wrong.push(format!(
                "{which}, is as it was shipped, but PostgreSQL is now sent other statements: new \
                 stores would differ from those that are there. Let crates/storage translate the \
                 old form as before"
            ));
        }
    }
    let new = built.iter().filter(|(place, _)| !pinned.contains_key(place));
    let lines: Vec<_> = new.map(|(place, pin)| pin.line(place)).collect();
    if !lines.is_empty() {
        let lines = lines.join("\n");
        wrong.push(format!(
            "migrations are new. If they are as they shall be shipped, append their lines to \
             {FILE}, and change no other line there:\n{lines}"
        ));
    }
    wrong
}

#[test]
fn migrations_that_were_shipped_stay_as_they_are_and_new_ones_are_pinned() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/migrations.txt");
    let wrong = compare(&parse(&fs::read_to_string(file).unwrap()), &of_this_build());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Two migrations, of which the second may differ.
fn built(second: Migration) -> BTreeMap<Place, Pin> {
    let first = Migration { version: 1, name: "one", sql: "CREATE TABLE a (b INTEGER) STRICT;" };
    let migrations = Box::leak(vec![first, second].into_boxed_slice());
    pins("data", &[MigrationSet { component: "part", migrations, tables: &[] }]).collect()
}

const SECOND: Migration =
    Migration { version: 2, name: "two", sql: "CREATE TABLE c (d INTEGER) STRICT;" };

#[test]
fn the_message_says_what_to_do() {
    let whole = built(SECOND);
    let lines: Vec<_> = whole.iter().map(|(place, pin)| pin.line(place)).collect();
    let pinned = parse(&format!("# a comment\n\n{}\n", lines.join("\n")));
    assert_eq!(pinned, whole);
    assert_eq!(compare(&pinned, &whole), [""; 0]);
    for changed in [
        Migration { name: "other", ..SECOND },
        Migration { sql: "CREATE TABLE c (d INTEGER) STRICT; -- with a comment", ..SECOND },
    ] {
        let [wrong] = &compare(&pinned, &built(changed))[..] else { panic!() };
        assert!(wrong.contains("has been changed") && wrong.contains("next version"), "{wrong}");
    }
    let mut translated = whole.clone();
    translated.values_mut().for_each(|pin| pin.postgres.clear());
    assert!(compare(&pinned, &translated)[1].contains("other statements"));
    let gone = whole.clone().into_iter().take(1).collect();
    assert!(compare(&pinned, &gone)[0].ends_with("is gone: put it back"));
    let [wrong] = &compare(&gone, &whole)[..] else { panic!() };
    assert!(wrong.contains("append") && wrong.ends_with(&lines[1]), "{wrong}");
}
