use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: f64,
    #[record(seal)]
    email: String,
}

fn main() {}
