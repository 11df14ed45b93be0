"""The methods that ModMap is compared with, one file a method, each run view by view on the same ground."""
