use fieldseal::Record;

const CONTACT: &str = "contact";

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
}

fn main() {}
