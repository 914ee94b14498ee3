import os, io, tarfile, json, hashlib, time
from concurrent.futures import ThreadPoolExecutor
from backports.zstd import compress
from tests.integration.clients import versions
from tests.integration.clients.images import *
from tests.integration.clients.images import _document, _pack
from tests.integration.engines.layers import unpack
from tests.integration.engines.releases import RELEASES
class Z(versions.VersionsCase):
    def big(self, name):
        tars=[_pack([(f"a/{name}-{i}", os.urandom(12_000_000)*2)]) for i in range(2)]
        layers=[Content("application/vnd.oci.image.layer.v1.tar+zstd", compress(t)) for t in tars]
        config=_document(OCI_CONFIG, {"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[digest_of(t) for t in tars]},"history":[{"created_by":name} for t in tars]})
        m=_document(OCI_MANIFEST, {"schemaVersion":2,"mediaType":OCI_MANIFEST,"config":config.descriptor(),"layers":[l.descriptor() for l in layers]})
        return Image(m,config,tuple(layers),"amd64"), tars
    def test(self):
        for release in RELEASES:
            image,tars=self.big(release)
            self.remote.push("z/big", "1", image)
            t=time.time()
            def pull(_):
                try:
                    p=self.old(release).pull("z/big","1")
                    ok=[unpack(p.layers[e])==t for e,t in zip(reversed(p.ancestry),tars)]
                    return ok,[p.images[e].size for e in p.ancestry]
                except Exception as e: return repr(e)
            with ThreadPoolExecutor(3) as pool:
                print(release, list(pool.map(pull, range(3))), time.time()-t)
            try:
                p=self.old(release).pull("z/big","1",cut=(1_000_000,2_000_000))
                print("cut", [unpack(p.layers[e])==t for e,t in zip(reversed(p.ancestry),tars)])
            except Exception as e: print("cut",repr(e))
        print(self.daemon.peak_memory()/1e6)
