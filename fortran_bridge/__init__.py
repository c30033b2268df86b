"""The bridge a Fortran or C host links: header, shim, module and the embedded entry points."""
