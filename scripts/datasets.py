#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches real data that Debian packages carry, and writes it as the examples' inputs.

  datasets.py NAME... --into DIR

  rotterdam gbsg          breast cancer: a hospital's registry, a trial's patients
  nafld1 nafld2 nafld3    fatty liver: a registry, a laboratory, an outcomes register; one `id`
  dowjones                thirty stocks' daily prices, 1990-12-31 to 2001-01-02
  snps                    ceu.tar and jpt_chb.tar: 1,000 people x 28,501 SNPs as PLINK's files.
                          Genotypes resampled from HapMap; who is a case is SIMULATED

The packages are fetched with `apt-get download` into .cache/datasets and are not installed. Their data
is under the GPL (2 or 3): it is for use here, and never to be committed. A file that is there is kept.
Needs nothing but python3 and Debian's own tools.
"""
import argparse
import bz2
import csv
import datetime
import gzip
import hashlib
import io
import lzma
import operator
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

CACHE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".cache", "datasets")

# Package: the version that was looked at, and the SHA-256 of its file.
PACKAGES = {
    "r-cran-survival": ("3.5-3-1", "f7b474e37620b54bd0112b3847bbad0a6b75b9c2121d6936548dd74ebd4003d5"),
    "r-bioc-snpstats": ("1.48.0+dfsg-1", "7d6177609fd62a2cf45560377965585ddb25ab9eb0fa27c9eed7734a37df6165"),
    "r-cran-fbasics": ("4021.93-1", "cca55f7eadc3adec0425c500858c8a29a98f97b0fc929f1d7bf1e730bf31e551"),
}


class Failure(Exception):
    """Ends the program with a sentence."""


# ---- Debian packages ----

def run(command, folder, what):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failure(f"{what}: {' '.join(command)} failed; it takes Debian's packages from the network "
                      f"(`apt-get update` as root, if the lists are old):\n{done.stdout.strip()}")


def fetched(package):
    """The folder of an unpacked package."""
    unpacked = os.path.join(CACHE, package)
    if os.path.isdir(unpacked):
        return unpacked
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
        run(["apt-get", "download", "-qq", package], fresh, package)
        (archive,) = os.listdir(fresh)
        version, digest = PACKAGES[package]
        found = archive.split("_")[1]
        with open(os.path.join(fresh, archive), "rb") as file:
            same = hashlib.sha256(file.read()).hexdigest() == digest
        if found == version and not same:
            raise Failure(f"{package} {version}: the mirror's file is not the one that is known (its "
                          "SHA-256 differs); take another mirror")
        if found != version:
            print(f"datasets: {package} is {found}, known is {version}: figures may differ", file=sys.stderr)
        run(["dpkg", "-x", archive, package], fresh, package)
        os.rename(os.path.join(fresh, package), unpacked)
    return unpacked


# ---- R's serialisation, XDR (R Internals, 1.8) ----

class Vector(list):
    """An R vector or list with its attributes."""
    def __init__(self, values, attributes=None):
        super().__init__(values)
        self.attributes = attributes or {}


class Raw:
    """A vector of bytes."""
    def __init__(self, data):
        self.data, self.attributes = data, {}


class Reader:
    """Reads one item at a time; knows what data takes, and no functions."""
    NA = -0x80000000

    def __init__(self, data, persistent=lambda name: None):
        self.data, self.at, self.known, self.persistent = data, 0, [], persistent
        if self.take(2) != b"X\n":
            raise Failure("R data that is not in XDR form")
        version = self.integers(3)[0]
        if version == 3:
            self.take(self.integer())

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise Failure("R data ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def integers(self, count):
        return list(struct.unpack(f">{count}i", self.take(4 * count)))

    def integer(self):
        return self.integers(1)[0]

    def length(self):
        return self.integer()  # a longer vector (-1, and two words) is nowhere here

    def know(self, item):
        self.known.append(item)
        return item

    def pairs(self, flags):
        """A pairlist as a dictionary; what has no name counts from 0."""
        found = {}
        while flags & 0xff in (2, 239):
            if flags & 0x200:
                self.item()
            name = self.item() if flags & 0x400 else len(found)
            found[name] = self.item()
            flags = self.integer()
        return found  # ends with NULL

    def attributes(self):
        return self.pairs(self.integer())

    def environment(self):
        self.integer()
        found = self.know({})
        _enclosing, frame, table, _attributes = self.item(), self.item(), self.item(), self.item()
        found.update(frame or {})
        for bucket in table or []:
            found.update(bucket or {})
        return found

    def names(self):
        self.integer()
        return [self.item() for _ in range(self.integer())]

    def compact(self):
        """ALTREP: sequences, wrapped vectors and deferred strings."""
        kind, state, attributes = list(self.item().values())[0], self.item(), self.item()
        if kind == "compact_intseq" or kind == "compact_realseq":
            count, first, step = state
            state = Vector([int(first + i * step) for i in range(int(count))])
        elif kind.startswith("wrap_"):
            state = state[0]
        elif kind == "deferred_string":
            state = Vector([str(value) for value in state[0]])
        else:
            raise Failure(f"R data with a vector of an unknown form, {kind}")
        state.attributes.update(attributes or {})
        return state

    def item(self):
        flags = self.integer()
        kind = flags & 0xff
        if kind in (241, 242, 250, 251, 252, 253, 254):
            return None
        if kind == 255:
            return self.known[(flags >> 8 or self.integer()) - 1]
        if kind == 1:
            return self.know(self.item())
        if kind in (2, 239):
            return self.pairs(flags)
        if kind == 4:
            return self.environment()
        if kind in (247, 248, 249):
            name = self.names()
            return self.know(self.persistent(name[0]) if kind == 247 else name)
        if kind == 9:
            size = self.integer()
            return None if size == -1 else self.take(size).decode("latin-1" if flags & 0x4000 else "utf-8")
        if kind == 238:
            return self.compact()
        return self.vector(kind, flags)

    def vector(self, kind, flags):
        if kind in (10, 13):
            found = Vector([None if value == self.NA else value for value in self.integers(self.length())])
        elif kind == 14:
            count = self.length()
            values = struct.unpack(f">{count}d", self.take(8 * count))
            found = Vector([None if value != value else value for value in values])
        elif kind in (16, 19, 20):
            found = Vector([self.item() for _ in range(self.length())])
        elif kind == 24:
            found = Raw(self.take(self.length()))
        elif kind == 25:
            found = Vector([])
        else:
            raise Failure(f"R data with an item of kind {kind}, which is not data")
        if flags & 0x200:
            found.attributes = self.attributes()
        return found


def decompressed(data):
    for magic, function in ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress),
                            (b"\xfd7zXZ", lzma.decompress)):
        if data.startswith(magic):
            return function(data)
    return data


def read_image(path):
    """What a .rda or .RData file holds: name -> object."""
    with open(path, "rb") as file:
        data = decompressed(file.read())
    if data[:4] not in (b"RDX2", b"RDX3"):
        raise Failure(f"{path}: not R data")
    return Reader(data[5:]).item()


def read_record(data):
    """A record of a .rdb file: the length as it was, then a compressed stream."""
    (size,), rest = struct.unpack(">I", data[:4]), data[4:]
    if rest[:1] == b"2":
        rest = bz2.decompress(rest[1:])
    elif rest[:1] == b"Z":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
        rest = lzma.decompress(rest[1:], lzma.FORMAT_RAW, filters=filters)
    else:
        rest = zlib.decompress(rest)
    if len(rest) != size:
        raise Failure("R's database: a record of another length than it says")
    return rest


def read_database(path, name):
    """One object of a lazy-load database, PATH.rdx and PATH.rdb."""
    with open(path + ".rdx", "rb") as file:
        data = file.read()
    index = dict_of(Reader(zlib.decompress(data) if data[:1] == b"\x78" else decompressed(data)).item())
    with open(path + ".rdb", "rb") as file:
        records = file.read()
    references = dict_of(index["references"])

    def read(place):
        start, size = place
        return Reader(read_record(records[start:start + size]), lambda key: read(references[key])).item()

    variables = dict_of(index["variables"])
    if name not in variables:
        raise Failure(f"{path}.rdb has no {name}")
    return read(variables[name])


def dict_of(vector):
    return dict(zip(vector.attributes["names"], vector))


def strings(column):
    """A column's values, a factor's as its levels."""
    levels = column.attributes.get("levels")
    return [None if value is None else levels[value - 1] for value in column] if levels else column


def table_of(frame):
    """A data frame as name -> values; a name's dots become underscores, as contracts have names."""
    return {name.replace(".", "_"): strings(column) for name, column in dict_of(frame).items()}


# ---- files ----

def written(path, data):
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "wb") as file:
        file.write(data)
    os.rename(fresh, path)


def text_of(value):
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return "" if value is None else str(value)


def write_csv(path, table):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    for row in zip(*table.values()):
        writer.writerow([text_of(value) for value in row])
    written(path, text.getvalue().encode())


# ---- the data sets ----

def survival(name):
    path = os.path.join(fetched("r-cran-survival"), "usr/lib/R/library/survival/data/Rdata")
    return table_of(read_database(path, name))


def dowjones():
    """One row a day and stock: date, symbol, price (the close)."""
    path = os.path.join(fetched("r-cran-fbasics"), "usr/lib/R/site-library/fBasics/data/Rdata")
    table = table_of(read_database(path, "DowJones30"))
    days = table.pop(next(iter(table)))
    dates = [day if isinstance(day, str) else str(datetime.date(1970, 1, 1) + datetime.timedelta(day))
             for day in days]
    rows = [(date, symbol, table[symbol][i]) for i, date in enumerate(dates) for symbol in table]
    return dict(zip(("date", "symbol", "price"), zip(*rows)))


def packed(column, take, people):
    """A SNP of some people as in .bed: two bits a genotype, four people a byte, the first lowest."""
    codes = bytes(take(column)).ljust((people + 3) // 4 * 4, b"\0")
    word = 0
    for i in range(4):
        word |= int.from_bytes(codes[i::4], "little") << 2 * i
    return word.to_bytes((people + 3) // 4, "little")


def tar_of(name, files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for ending, content in files:
            member = tarfile.TarInfo(f"{name}.{ending}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def snps(folder):
    """PLINK's three files a hospital, in a tar: ceu.tar, jpt_chb.tar."""
    path = os.path.join(fetched("r-bioc-snpstats"),
                        "usr/lib/R/site-library/snpStats/data/for.exercise.RData")
    image = read_image(path)
    (genotypes,) = [item for item in image.values() if isinstance(item, Raw)]
    people, snp_names = genotypes.attributes["dimnames"]
    subjects, support = (table_of(image[name]) for name in ("subject.support", "snp.support"))
    codes = genotypes.data.translate(bytes([1, 0, 2, 3]) + bytes(252))  # missing, 1, 2, 3 of snpStats
    columns = [list(map(text_of, support[name])) for name in ("chromosome", "position", "A1", "A2")]
    bim = "".join(f"{chromosome}\t{snp}\t0\t{position}\t{first}\t{second}\n"
                  for snp, chromosome, position, first, second in zip(snp_names, *columns))
    for stratum in sorted(set(subjects["stratum"])):
        name = stratum.lower().replace("+", "_")
        members = [i for i, value in enumerate(subjects["stratum"]) if value == stratum]
        take = operator.itemgetter(*members)
        fam = "".join(f"{people[i]} {people[i]} 0 0 0 {int(subjects['cc'][i]) + 1}\n" for i in members)
        bed = bytes([0x6c, 0x1b, 1]) + b"".join(
            packed(codes[at:at + len(people)], take, len(members))
            for at in range(0, len(codes), len(people)))
        written(os.path.join(folder, f"{name}.tar"),
                tar_of(name, (("bed", bed), ("bim", bim.encode()), ("fam", fam.encode()))))


SETS = {name: ([f"{name}.csv"], lambda folder, name=name: write_csv(os.path.join(folder, f"{name}.csv"),
                                                                    survival(name)))
        for name in ("rotterdam", "gbsg", "nafld1", "nafld2", "nafld3")}
SETS["dowjones"] = (["dowjones.csv"], lambda folder: write_csv(os.path.join(folder, "dowjones.csv"), dowjones()))
SETS["snps"] = (["ceu.tar", "jpt_chb.tar"], snps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="+", choices=list(SETS), help=" ".join(SETS))
    parser.add_argument("--into", metavar="DIR", required=True)
    options = parser.parse_args()
    os.makedirs(options.into, exist_ok=True)
    for name in options.names:
        files, make = SETS[name]
        if not all(os.path.exists(os.path.join(options.into, file)) for file in files):
            make(options.into)


try:
    main()
except (Failure, OSError) as failure:
    sys.exit(f"datasets: {failure}")
