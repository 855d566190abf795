use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, measured), index(prefix(max = 8), cardinality = 50))]
    email: String,
}

fn main() {}
