use fieldseal::{Class, Record};

const CONTACT: Class = Class::new("contact");
const OTHER: Class = Class::new("contact").readers(&["support"]);

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = OTHER))]
    phone: String,
}

fn main() {}
