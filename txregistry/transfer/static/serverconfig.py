"""What web servers have to be told so that clients pull from a static tree.

The type of a manifest is that of the folder in which it is; engines 1.5 to 1.9, which
cannot read what version 2 has here, are told that there is none, and speak version 1.
"""

from typing import Final

from txregistry.transfer.static.places import MANIFESTS, TYPES

_NGINX: Final = """\
# A folder of images that 'txregistry export --static' wrote, for http {{ }}.
map $http_user_agent $registry_version {{
    default "registry/2.0";
    "~^docker/1\\.[5-9](?![0-9])" "";
    "Go 1.1 package http" "";
}}
map $uri $registry_digest {{
    default "";
    "~/(?<registry_hex>sha(256|512):[0-9a-f]+)$" $registry_hex;
}}
map $request_uri $registry_layer {{
    default "/v1/_none";
    "~^(?<registry_image>/v1/images/[0-9a-f]+)/json$" $registry_image/layer;
}}
server {{
    listen {listen};
    root {root};
    gzip off;
    add_header Docker-Distribution-Api-Version $registry_version always;
    add_header Docker-Content-Digest $registry_digest;
    add_header X-Content-Type-Options nosniff always;
    types {{ }}

    location / {{ return 404; }}
    location = /v2/ {{
        if ($registry_version = "") {{ return 404; }}
        default_type application/json;
        try_files /v2/_version.json =404;
    }}
    location = /v2/_catalog {{ default_type application/json; }}
    location ~ ^/v2/.+/tags/list$ {{ default_type application/json; }}
    location ~ ^/v2/.+/blobs/[^/]+$ {{ default_type application/octet-stream; }}
    location ~ ^/v2/(?<repository>.+)/manifests/(?<reference>[^/]+)$ {{
        if ($registry_version = "") {{ return 404; }}
        try_files /v2/_none @registry-{first};
    }}
{types}
    location ~ ^/v1/repositories/.+/tags/?$ {{
        rewrite ^(.+?)/?$ $1/index.html break;
        default_type application/json;
        add_header X-Docker-Registry-Version 0.9.1 always;
    }}
    location ~ ^/v1/images/[^/]+/layer$ {{ default_type application/octet-stream; }}
    location = /_layer {{
        internal;
        try_files $registry_layer =404;
    }}
    location ~ ^/v1/images/[^/]+/json$ {{
        default_type application/json;
        auth_request /_layer;
        auth_request_set $registry_size $sent_http_content_length;
        add_header X-Docker-Size $registry_size;
    }}
    location ~ ^/v1/(images|repositories|_ping) {{
        default_type application/json;
        add_header X-Docker-Endpoints $http_host;
        add_header X-Docker-Registry-Version 0.9.1 always;
        add_header X-Docker-Registry-Standalone True always;
    }}
}}
"""
_NGINX_TYPE: Final = """\
    location @registry-{slug} {{
        default_type {media_type};
        try_files /v2/$repository/{manifests}/{slug}/$reference {otherwise};
    }}
"""

_APACHE: Final = """\
# A folder of images that 'txregistry export --static' wrote.
# It needs: a2enmod rewrite headers setenvif
Listen {listen}
<VirtualHost *:{listen}>
    DocumentRoot "{root}"
    <Directory "{root}">
        Require all granted
        Options None
        AllowOverride None
        DirectorySlash Off
        ForceType application/json
    </Directory>
    BrowserMatch "^docker/1\\.[5-9]([^0-9]|$)" registry_v1
    BrowserMatch "^Go 1\\.1 package http$" registry_v1
    Header always set Docker-Distribution-Api-Version registry/2.0 env=!registry_v1
    Header always set X-Content-Type-Options nosniff
    SetEnvIf Request_URI "^/v1/" registry_ping
    Header always set X-Docker-Registry-Version 0.9.1 env=registry_ping
    Header always set X-Docker-Registry-Standalone True env=registry_ping
    RewriteEngine On
    RewriteCond %{{ENV:registry_v1}} =1
    RewriteRule ^/v2/ - [R=404,L]
    RewriteRule ^/v2/$ "{root}/v2/_version.json" [L]
    RewriteRule ^/v2/_catalog$ - [L]
    RewriteRule ^/v2/.+/tags/list$ - [L]
    RewriteRule ^/v2/.+/blobs/[^/]+$ - [T=application/octet-stream,L]
{types}\
    RewriteRule ^(/v1/repositories/.+/tags)/?$ "{root}$1/index.html" [L]
    RewriteRule ^/v1/images/[^/]+/layer$ - [T=application/octet-stream,L]
    RewriteRule ^/v1/(images|repositories|_ping) - [L]
    RewriteRule ^ - [R=404,L]
</VirtualHost>
"""
_APACHE_TYPE: Final = """\
    RewriteCond "{root}/v2/$1/{manifests}/{slug}/$2" -f
    RewriteRule ^/v2/(.+)/manifests/([^/]+)$ "{root}/v2/$1/{manifests}/{slug}/$2" \
[T={media_type},L]
"""

_CADDY: Final = """\
# A folder of images that 'txregistry export --static' wrote.
:{listen} {{
    root * "{root}"
    @version1 header_regexp User-Agent "^(docker/1\\.[5-9]([^0-9]|$)|Go 1\\.1 package http$)"
    header Docker-Distribution-Api-Version registry/2.0
    header @version1 -Docker-Distribution-Api-Version
    header X-Content-Type-Options nosniff
    header /v1/* X-Docker-Registry-Version 0.9.1
    header /v1/* X-Docker-Registry-Standalone True
    route {{
        @refused {{
            path /v2/*
            header_regexp User-Agent "^(docker/1\\.[5-9]([^0-9]|$)|Go 1\\.1 package http$)"
        }}
        respond @refused 404
        @writes not method GET HEAD
        respond @writes 405
        @version path /v2/
        handle @version {{
            header Content-Type application/json
            rewrite * /v2/_version.json
            file_server
        }}
        @manifest path_regexp it ^/v2/(.+)/manifests/([^/]+)$
        handle @manifest {{
            route {{
{types}\
                respond 404
            }}
        }}
        @blob path_regexp ^(/v2/.+/blobs/[^/]+|/v1/images/[^/]+/layer)$
        handle @blob {{
            header Content-Type application/octet-stream
            file_server
        }}
        @tags path_regexp tags ^(/v1/repositories/.+/tags)/?$
        handle @tags {{
            header Content-Type application/json
            rewrite * {{re.tags.1}}/index.html
            file_server {{
                disable_canonical_uris
            }}
        }}
        @json path_regexp ^(/v2/_catalog|/v2/.+/tags/list|/v1/(images|repositories|_ping).*)$
        handle @json {{
            header Content-Type application/json
            file_server
        }}
        respond 404
    }}
}}
"""  # noqa: E501 - a regular expression cannot be broken there
_CADDY_TYPE: Final = """\
                @{slug} file /v2/{{re.it.1}}/{manifests}/{slug}/{{re.it.2}}
                handle @{slug} {{
                    header Content-Type {media_type}
                    rewrite * /v2/{{re.it.1}}/{manifests}/{slug}/{{re.it.2}}
                    file_server
                }}
"""

SERVERS: Final = ("nginx", "apache", "caddy")
_FORBIDDEN: Final = frozenset("\"'\\${};#\n\r\t %")
"""What would have a meaning of its own in a path, to one server or another."""


def write_config(server: str, root: str, listen: int) -> str:
    """Write the configuration of a web server for a folder.

    Args:
        server: One of `SERVERS`.
        root: The folder, from the root of the file system on.
        listen: The port.

    Raises:
        ValueError: the path of the folder cannot be written there.
    """
    if _FORBIDDEN & {*root}:
        raise ValueError(
            f"{root!r} has a character that configurations cannot have in a path."
        )
    frame, each = {
        "nginx": (_NGINX, _NGINX_TYPE),
        "apache": (_APACHE, _APACHE_TYPE),
        "caddy": (_CADDY, _CADDY_TYPE),
    }[server]
    slugs = list(TYPES.values())
    following = [*(f"@registry-{slug}" for slug in slugs[1:]), "=404"]
    types = "".join(
        each.format(
            slug=slug,
            media_type=media_type,
            manifests=MANIFESTS,
            otherwise=otherwise,
            root=root,
        )
        for (media_type, slug), otherwise in zip(TYPES.items(), following, strict=True)
    )
    return frame.format(root=root, listen=listen, types=types, first=slugs[0])
