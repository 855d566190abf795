use fieldseal::Record;

const FORMER: &str = "former";

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(was = FORMER))]
    email: String,
}

fn main() {}
