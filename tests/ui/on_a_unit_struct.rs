use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer;

fn main() {}
