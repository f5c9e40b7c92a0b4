//! The users of the tour, and the spreadsheet that they come in.

use serde_json::Value;

const GIVEN: [&str; 5] = ["Jörg", "Zoë", "Anne-Marie", "Łukasz", "Søren \"Sunny\""];
const FAMILY: [&str; 5] = ["Müller, Dr.", "Weiß", "O'Neill", "García \"Pepe\" Núñez", "Дмитриев"];

/// A user, as far as the tour looks at him.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) given_name: String,
    pub(super) family_name: String,
}

impl Person {
    /// From the API or from `sqlite3 -json`: both use the same names.
    pub(super) fn from_json(user: &Value) -> Self {
        let text = |field: &str| user[field].as_str().unwrap().to_owned();
        Self {
            username: text("username"),
            email: text("email"),
            given_name: text("given_name"),
            family_name: text("family_name"),
        }
    }
}

pub(super) fn a_thousand() -> Vec<Person> {
    let person = |number: usize| Person {
        username: format!("jürgen.{number:04}"),
        email: format!("user{number:04}@mueller.example"),
        given_name: GIVEN[number % 5].to_owned(),
        family_name: FAMILY[number / 5 % 5].to_owned(),
    };
    (0..1000).map(person).collect()
}

/// As a spreadsheet writes it.
pub(super) fn csv(people: &[Person]) -> String {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |person: &Person| {
        let (given, family) = (quoted(&person.given_name), quoted(&person.family_name));
        format!("{},{},{given},{family},member\r\n", person.username, person.email)
    };
    let lines: String = people.iter().map(line).collect();
    format!("\u{feff}username,email,given_name,family_name,role\r\n{lines}")
}

pub(super) fn sorted(people: impl Iterator<Item = Person>) -> Vec<Person> {
    let mut people: Vec<_> = people.collect();
    people.sort();
    people
}
