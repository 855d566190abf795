use fieldseal::index::Domain;
use fieldseal::Record;

const DOMAIN: Domain = Domain::dates("1900-01-01", "2099-12-31");

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(range(DOMAIN)))]
    value: u16,
}

fn main() {}
