"""Static trees and OCI layouts, as clients and servers find them."""
