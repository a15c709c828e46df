"""Travel documents with a chip (ICAO 9303 parts 10 and 11, ISO/IEC 19794-5).

`key` is what the data page says, `bac` and `pace` open the chip with it, `messaging` protects
what is read afterwards, `lds` takes the files apart, `sod` says whether they are what a
country signed, `read` does all of it in order.

The cryptography follows the worked examples of ICAO 9303 part 11, which are test vectors here.
Real documents have not been seen.
"""
